// Keeps the cache within its age and size; memory does not grow with the number of objects.
import type { Bus } from '@causeway/shared/bus/bus';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

export interface CacheLimits {
  readonly keepMs: number;
  readonly maxBytes: number;
}

/** What was found in the cache at its last moment is not yet announced to the uploader: the sweep comes so much later. */
const IN_USE_MS = 3_600_000;
/** What is younger may belong to a study that is being fetched or delivered: it stays even when the cache is too large. */
const NEVER_YOUNGER_MS = 3_600_000;
/** While deliveries of retrieved instances wait, their objects are kept for as long as an uploader tries by default (retry.giveUpAfter). */
const WAITING_DELIVERIES_KEEP_MS = 7 * 24 * 3_600_000;
const MINUTE_MS = 60_000;
const PREFIX = 'retrieved/';
/** Retrieved instances belong to no facility: only their deliveries have this subject (flow.ts). */
const RETRIEVED_DELIVERIES = 'delivery.due.*.*.none';

/** Deletes what is too old, then oldest first what is too much. Resolves with what stays. */
export async function sweepCache(
  parts: { readonly store: ObjectStore; readonly bus: Bus; readonly now: () => Date },
  limits: CacheLimits,
): Promise<{ bytes: number; objects: number; deleted: number }> {
  const now = parts.now().getTime();
  const waiting = (await parts.bus.queued('DELIVERIES', RETRIEVED_DELIVERIES)) > 0;
  const usedMs = limits.keepMs + IN_USE_MS;
  const keepMs = waiting ? Math.max(usedMs, WAITING_DELIVERIES_KEEP_MS) : usedMs;
  const old = await deleteBefore(parts.store, now - keepMs);
  if (old.bytes <= limits.maxBytes) return old;
  const most = await deleteBefore(parts.store, Math.min(cutOff(old.byMinute, limits.maxBytes), now - NEVER_YOUNGER_MS));
  return { ...most, deleted: old.deleted + most.deleted };
}

interface Kept {
  bytes: number;
  objects: number;
  deleted: number;
  /** Bytes by the minute in which the objects were written. */
  readonly byMinute: Map<number, number>;
}

async function deleteBefore(store: ObjectStore, time: number): Promise<Kept> {
  const kept: Kept = { bytes: 0, objects: 0, deleted: 0, byMinute: new Map() };
  for await (const { key, size, modifiedAt } of store.list(PREFIX)) {
    if (modifiedAt.getTime() < time) {
      await store.delete(key);
      kept.deleted += 1;
      continue;
    }
    const minute = Math.floor(modifiedAt.getTime() / MINUTE_MS);
    kept.byMinute.set(minute, (kept.byMinute.get(minute) ?? 0) + size);
    kept.bytes += size;
    kept.objects += 1;
  }
  return kept;
}

/** The time before which objects must go so that the rest fits. */
function cutOff(byMinute: ReadonlyMap<number, number>, maxBytes: number): number {
  let bytes = 0;
  const newestFirst = [...byMinute].sort(([a], [b]) => b - a);
  for (const [minute, size] of newestFirst) {
    bytes += size;
    if (bytes > maxBytes) return (minute + 1) * MINUTE_MS;
  }
  return 0;
}
