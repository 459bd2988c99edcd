// The same store, its operations timed.
import { histogram } from '../metrics/instruments.ts';
import { inSpan, isInSpan, SpanKind } from '../spans.ts';
import type { Meter } from '../telemetry.ts';
import type { ObjectStore, ObjectUpload } from './object-store.ts';

type Timed = <T>(operation: string, work: () => Promise<T>) => Promise<T>;

/** Listing is not timed: how long it takes says who reads it. */
export function measuredStore(store: ObjectStore, meter: Meter): ObjectStore {
  const seconds = histogram(meter, 'causeway.object_store.operation.duration');
  const timed: Timed = async (operation, work) => {
    const began = performance.now();
    const took = (): number => (performance.now() - began) / 1_000;
    try {
      const result = await work();
      seconds.record(took(), { operation });
      return result;
    } catch (error) {
      seconds.record(took(), { operation, 'error.type': error instanceof Error ? error.name : 'unknown' });
      throw error;
    }
  };
  return {
    create: (key) => measuredUpload(store.create(key), timed),
    get: (key, range) => timed('get', () => store.get(key, range)),
    stat: (key) => timed('stat', () => store.stat(key)),
    delete: (key) => timed('delete', () => store.delete(key)),
    list: (prefix) => store.list(prefix),
    ...(store.freeBytes && { freeBytes: () => store.freeBytes!() }),
    probe: () => timed('probe', () => store.probe()),
  };
}

/** Of all operations the one that somebody waits for; only as part of something. */
const inCommitSpan = <T>(work: () => Promise<T>): Promise<T> =>
  isInSpan() ? inSpan({ name: 'object_store commit', kind: SpanKind.CLIENT, attributes: {} }, work) : work();

const measuredUpload = (upload: ObjectUpload, timed: Timed): ObjectUpload => ({
  write: (chunk) => upload.write(chunk),
  patch: (position, bytes) => upload.patch(position, bytes),
  commit: () => inCommitSpan(() => timed('commit', () => upload.commit())),
  discard: () => upload.discard(),
});
