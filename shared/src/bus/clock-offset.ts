// How far this machine's clock is from the broker's: all services compare theirs with the same one, so that their differences show too.
import type { JetStreamManager } from '@nats-io/jetstream';

/** A publication that took longer says too little: the broker's time is somewhere in between. */
const LONGEST_MS = 1_000;

/** ms, local minus broker's (time of the message in its stream), wrong by half the way there and back at most; undefined: the broker was too slow to tell. */
export async function clockOffsetMs(
  manager: JetStreamManager,
  stream: string,
  { subject, publish }: { subject: string; publish: () => Promise<void> },
): Promise<number | undefined> {
  const before = Date.now();
  const began = performance.now();
  await publish();
  const took = performance.now() - began;
  const stored = await manager.streams.getMessage(stream, { last_by_subj: subject });
  if (took > LONGEST_MS || stored === null) return undefined;
  return before + took / 2 - stored.time.getTime();
}
