// What an operator waits for between two nats-servers: that every copy of every stream is up to date, and stays so; and what is done where that does not come.
import { until } from '../src/wait-for-fact.ts';
import type { NatsNodes } from './nats-nodes.ts';

export interface Patience {
  /** A server that has just been started does not know yet what it lacks, and says that it is whole: it has to be so for so long. */
  readonly staysMs: number;
  /** Streams are whole again within seconds. If they are not after so long, the servers are started again. */
  readonly wholeWithinMs: number;
  readonly mendedWithinMs: number;
}

const OPERATORS: Patience = { staysMs: 8_000, wholeWithinMs: 30_000, mendedWithinMs: 60_000 };

/**
 * nats-server 2.9 was seen to tear a stream apart when one of three was restarted under load ("stream store EOF"): DELIVERIES had no leader from then on. Nobody who sends notices it. `tell`: what had to be done about it. Rejects when that
 * did not help.
 */
export async function wholeOrMended(
  nats: Pick<NatsNodes, 'isWhole' | 'restart'>,
  tell: (intervention: string) => void,
  { staysMs, wholeWithinMs, mendedWithinMs }: Patience = OPERATORS,
): Promise<void> {
  const whole = await untilWhole(nats, { staysMs, withinMs: wholeWithinMs }).catch(() => false);
  if (whole) return;
  tell('the nats-servers restarted in turn: streams were not whole');
  await nats.restart('in turn');
  await untilWhole(nats, { staysMs, withinMs: mendedWithinMs });
}

async function untilWhole(nats: Pick<NatsNodes, 'isWhole'>, { staysMs, withinMs }: { staysMs: number; withinMs: number }): Promise<true> {
  let since: number | undefined;
  const staysWhole = async (): Promise<boolean> => {
    since = (await nats.isWhole()) ? (since ?? performance.now()) : undefined;
    return since !== undefined && performance.now() - since >= staysMs;
  };
  await until('every copy of every stream is up to date', staysWhole, withinMs);
  return true;
}
