// What the retriever counts; labels are configured names, never a patient's.
import { counter, gauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';

export interface RetrieverMetrics {
  retrieved(source: string, outcome: 'done' | 'failed'): void;
  fetched(source: string, bytes: number): void;
  fromCache(source: string): void;
  /** After a sweep: what lies in the cache. */
  cached(bytes: number, objects: number): void;
}

export function createRetrieverMetrics(meter: Meter): RetrieverMetrics {
  const retrievals = counter(meter, 'causeway.retriever.retrievals');
  const instances = counter(meter, 'causeway.retriever.instances');
  const fetchedBytes = counter(meter, 'causeway.retriever.bytes');
  const cacheBytes = gauge(meter, 'causeway.retriever.cache.size');
  const cacheObjects = gauge(meter, 'causeway.retriever.cache.objects');
  return {
    retrieved: (source, outcome) => retrievals.add(1, { source, outcome }),
    fetched: (source, bytes) => {
      instances.add(1, { source, origin: 'source' });
      fetchedBytes.add(bytes, { source });
    },
    fromCache: (source) => instances.add(1, { source, origin: 'cache' }),
    cached: (bytes, objects) => {
      cacheBytes.record(bytes);
      cacheObjects.record(objects);
    },
  };
}
