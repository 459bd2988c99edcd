// Whether work in flight can be ruled out. Only then may reconciliation say of something old that nobody is at it.
import type { Bus } from '@causeway/shared/bus/bus';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';

export interface QuietOptions {
  /** How often to look for a quiet moment before giving up for this round. */
  readonly looks: number;
  readonly betweenMs: number;
}

/** Three seconds: a gateway under steady load has such moments between two instances; a full queue has none, and then nothing is judged. */
export const QUIET_OPTIONS: QuietOptions = { looks: 30, betweenMs: 100 };

/**
 * True once nothing was queued before the router. Anything older that the ledger does not know then is not in a queue: RECEIVED is looked at first, because
 * a message enters READY before it leaves RECEIVED; and a step publishes its fact before it acknowledges, so FACTS come last.
 */
export async function instancesAreQuiet(bus: Bus, options: QuietOptions): Promise<boolean> {
  const empty = async (): Promise<boolean> => (await bus.backlog('RECEIVED')).messages === 0 && (await bus.backlog('READY')).messages === 0;
  return (await seen(empty, options)) && (await factsAreWritten(bus, options));
}

/**
 * True once nothing was queued for the destination. A delivery may leave its queue once for DERIVATIONS and come back, each time entering one before it
 * leaves the other: what is in neither when they are looked at in this order is nowhere.
 */
export async function destinationIsQuiet(bus: Bus, destination: string, options: QuietOptions): Promise<boolean> {
  const noneDue = async (): Promise<boolean> => (await bus.queued('DELIVERIES', `delivery.due.${destination}.>`)) === 0;
  const noneDerived = async (): Promise<boolean> => (await bus.queued('DERIVATIONS', `derivation.due.*.${destination}.*`)) === 0;
  const empty = async (): Promise<boolean> => (await noneDue()) && (await noneDerived()) && (await noneDue());
  return (await seen(empty, options)) && (await factsAreWritten(bus, options));
}

/** True once every published fact was in PostgreSQL. */
export function factsAreWritten(bus: Bus, options: QuietOptions): Promise<boolean> {
  return seen(async () => (await bus.unacknowledged('FACTS', LEDGER_CONSUMER)) === 0, options);
}

async function seen(condition: () => Promise<boolean>, { looks, betweenMs }: QuietOptions): Promise<boolean> {
  for (let look = 1; look <= looks; look += 1) {
    if (await condition()) return true;
    if (look < looks) await new Promise((resolve) => setTimeout(resolve, betweenMs));
  }
  return false;
}
