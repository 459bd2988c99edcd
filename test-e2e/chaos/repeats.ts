// How many arrivals at the archives the faults of a run can have repeated: what the uploaders had in hand each time.
import { BATCH, CONCURRENCY } from './documents.ts';
import { ARCHIVES, type FaultKind } from './fault-kinds.ts';
import type { PlannedFault } from './plan.ts';

/** Two batches for each request that may run (BATCHES_IN_HAND of services/uploader), to one archive. */
const IN_HAND = 2 * CONCURRENCY * BATCH;
/** To an archive whose answers are lost everything in hand goes again at each attempt, the first after 1 s, then 2, 4 and 5 s. */
const ATTEMPTS_AT = [0, 1_000, 3_000, 7_000, 12_000];

/** Kinds after which a request that the archive carried out may be made again: a confirmation, its mark or its acknowledgement was lost. */
const LOSES_CONFIRMATIONS: ReadonlySet<FaultKind> = new Set([
  ...(['partition', 'partition-of-two', 'partition-one-way', 'disk-full', 'slow-disk', 'leader-loss'] as const),
  'rolling-upgrade',
]);

export function repeatsOf({ kind, target, variant, forMs }: PlannedFault): number {
  if (LOSES_CONFIRMATIONS.has(kind)) return ARCHIVES.length * IN_HAND;
  if (kind === 'archive-errors') return variant === 'cut-late' ? ATTEMPTS_AT.filter((at) => at <= forMs).length * IN_HAND : IN_HAND;
  if (kind !== 'kill' && kind !== 'pause' && kind !== 'restart') return 0;
  if (target.startsWith('uploader') || target.startsWith('nats')) return ARCHIVES.length * IN_HAND;
  return ARCHIVES.some((archive) => archive === target) ? IN_HAND : 0;
}
