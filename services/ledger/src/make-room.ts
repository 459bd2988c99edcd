// While the disk runs low, delivered objects leave before their time, oldest first, until there is room again; what is not delivered stays, whatever happens.

import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { isAtLeast, type SpaceStage, spaceStage } from '@causeway/shared/config/space-stages';
import { describeError } from '@causeway/shared/errors';
import type { LedgerMetrics } from './ledger-metrics.ts';
import { factsAreWritten, QUIET_OPTIONS, type QuietOptions } from './quiet.ts';
import { deletePages, type RetainParts } from './retain.ts';

export interface MakeRoomParts extends RetainParts {
  readonly metrics: Pick<LedgerMetrics, 'deleted' | 'spaceStage'>;
}

/** A storage commitment, or somebody who looks whether all has arrived, may still ask for it. */
const NEVER_YOUNGER_MS = 3_600_000;
const MOST_PER_SECOND = 2_000;

/** Resolves with the stage before; undefined: the store cannot tell. */
export async function makeRoom(
  parts: MakeRoomParts,
  { document, now, quiet }: { document: GatewayDocument; now: Date; quiet: QuietOptions },
): Promise<SpaceStage | undefined> {
  const stage = async (): Promise<SpaceStage | undefined> =>
    parts.store.freeBytes && spaceStage(await parts.store.freeBytes(), document.admission);
  const before = await stage();
  if (before === undefined) return undefined;
  parts.metrics.spaceStage(before);
  if (before !== 'enough') parts.log.error({ stage: before }, TOLD[before]);
  if (!isAtLeast(before, 'delivered') || !(await factsAreWritten(parts.bus, quiet))) return before;
  const doneBefore = new Date(now.getTime() - NEVER_YOUNGER_MS);
  const { deleted } = await deletePages(parts, {
    reason: { cause: 'space', doneBefore, waitedMs: NEVER_YOUNGER_MS },
    isOver: () => true,
    isEnough: async () => !isAtLeast((await stage()) ?? 'enough', 'delivered'),
    mostPerSecond: MOST_PER_SECOND,
  });
  if (deleted > 0) parts.log.warn({ instances: deleted }, 'delivered objects were deleted before their time: the disk runs low');
  return before;
}

const TOLD = {
  cache: 'the disk runs low: retrieved objects leave the cache',
  delivered: 'the disk runs low: delivered objects leave before their time',
  refusing: 'the disk is so full that nothing is received any more',
} as const;

/** A disk of spinning plates takes some 150 MB/s: in this time 2 GB. */
const LOOK_EVERY_MS = 15_000;

/** Resolves at once; goes on until `stop`, which waits for what is under way. */
export function keepRoom(parts: MakeRoomParts & { document: () => GatewayDocument | undefined }): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const look = async (): Promise<void> => {
    const document = parts.document();
    try {
      if (document) await makeRoom(parts, { document, now: new Date(), quiet: QUIET_OPTIONS });
    } catch (error) {
      parts.log.warn({ reason: describeError(error) }, 'free space could not be looked after, trying again');
    }
    if (!stopped) timer = setTimeout(() => (running = look()), LOOK_EVERY_MS);
  };
  let running = look();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
