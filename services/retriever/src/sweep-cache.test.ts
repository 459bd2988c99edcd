// The cache keeps what is young, what is being delivered, and no more than its size.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ObjectKey, objectKey } from '@causeway/shared/brands';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { memoryBus } from './retriever-for-tests.ts';
import { sweepCache } from './sweep-cache.ts';

const HOUR_MS = 3_600_000;
const now = new Date('2026-03-01T12:00:00Z');

/** Objects by the hours since they were written; each of 10 bytes. */
function storeWith(ages: number[]): { store: ObjectStore; left: () => number[] } {
  const objects = new Map<ObjectKey, number>();
  for (const [number, age] of ages.entries()) objects.set(objectKey(`retrieved/archive/${'a'.repeat(32)}/${number}.dcm`), age);
  objects.set(objectKey('received/2026/01/01/kept.dcm'), 10_000);
  const store = {
    async *list(prefix: string) {
      for (const [key, age] of [...objects]) {
        if (key.startsWith(prefix)) yield { key, size: 10, modifiedAt: new Date(now.getTime() - age * HOUR_MS) };
      }
    },
    delete: async (key: ObjectKey) => void objects.delete(key),
  } as unknown as ObjectStore;
  return { store, left: () => [...objects.values()].filter((age) => age !== 10_000) };
}

async function sweep(ages: number[], { maxBytes = 1000, waiting = 0 } = {}) {
  const { store, left } = storeWith(ages);
  const bus = memoryBus();
  bus.waiting = waiting;
  const kept = await sweepCache({ store, bus, now: () => now }, { keepMs: 4 * HOUR_MS, maxBytes });
  return { kept, left: left() };
}

describe('sweepCache', () => {
  it('deletes what is older than keep and nothing else, an hour later: a retrieval that found it in the cache may be at it', async () => {
    const { kept, left } = await sweep([1, 3.9, 4.9, 5.1, 200]);
    assert.deepEqual(left, [1, 3.9, 4.9]);
    assert.deepEqual([kept.objects, kept.bytes, kept.deleted], [3, 30, 2]);
  });

  it('deletes the oldest first when the cache is too large', async () => {
    const { kept, left } = await sweep([3.5, 1.2, 2.5, 3, 1.5], { maxBytes: 25 });
    assert.deepEqual(left, [1.2, 1.5]);
    assert.deepEqual([kept.bytes, kept.deleted], [20, 3]);
  });

  it('leaves what is younger than an hour even when the cache is too large', async () => {
    assert.deepEqual((await sweep([0.1, 0.5, 2], { maxBytes: 5 })).left, [0.1, 0.5]);
  });

  it('keeps what is old for as long as deliveries of retrieved instances wait, but no longer than a week', async () => {
    assert.deepEqual((await sweep([1, 5, 100, 200], { waiting: 1 })).left, [1, 5, 100]);
  });
});
