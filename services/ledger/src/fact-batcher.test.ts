// Batching of facts, with a writer that the test holds in its hand.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { receivedFact, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { PermanentError, TransientError } from '@causeway/shared/errors';
import type { Fact } from '@causeway/shared/events/facts';
import { FactBatcher } from './fact-batcher.ts';

const facts = (count: number): Fact[] => Array.from({ length: count }, (_, n) => receivedFact(sampleInstance(1, n), n));

describe('FactBatcher', () => {
  test('a full batch is written at once, and a fact settles only after its own transaction', async () => {
    const batches: number[] = [];
    const gate = Promise.withResolvers<void>();
    const batcher = new FactBatcher({
      maxFacts: 4,
      maxWaitMs: 60_000,
      apply: async (batch) => {
        batches.push(batch.length);
        await gate.promise;
      },
    });
    let settled = 0;
    const all = facts(10).map((fact) => batcher.add(fact).then(() => (settled += 1)));
    await Promise.resolve();
    assert.deepEqual([batches, settled], [[4], 0]);
    gate.resolve();
    await Promise.all(all);
    assert.deepEqual(batches, [4, 4, 2]);
  });

  test('a batch that is not full is written after the wait', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const batches: number[] = [];
    const batcher = new FactBatcher({ maxFacts: 4, maxWaitMs: 100, apply: async (batch) => void batches.push(batch.length) });
    const all = Promise.all(facts(2).map((fact) => batcher.add(fact)));
    t.mock.timers.tick(99);
    assert.deepEqual(batches, []);
    t.mock.timers.tick(1);
    await all;
    assert.deepEqual(batches, [2]);
  });

  test('one fact that cannot be stored fails alone; the 63 others are written exactly once', async () => {
    const all = facts(64);
    const poison = all[37];
    const written: Fact[] = [];
    const batcher = new FactBatcher({
      maxFacts: 64,
      maxWaitMs: 60_000,
      apply: async (batch) => {
        if (batch.includes(poison!)) throw new PermanentError('SQLSTATE 22003');
        written.push(...batch);
      },
    });
    const results = await Promise.allSettled(all.map((fact) => batcher.add(fact)));
    assert.deepEqual(
      results.flatMap((result, at) => (result.status === 'rejected' ? [at] : [])),
      [37],
    );
    assert.equal(new Set(written).size, 63);
    assert.equal(written.length, 63);
  });

  test('with PostgreSQL away the whole batch is transient and is not taken apart', async () => {
    let tries = 0;
    const batcher = new FactBatcher({
      maxFacts: 8,
      maxWaitMs: 60_000,
      apply: async () => {
        tries += 1;
        throw new TransientError('PostgreSQL did not answer');
      },
    });
    const results = await Promise.allSettled(facts(8).map((fact) => batcher.add(fact)));
    assert.ok(results.every((result) => result.status === 'rejected' && result.reason instanceof TransientError));
    assert.equal(tries, 1);
  });

  test('a fact that an error of the program spoils comes back later instead of being left behind', async () => {
    const batcher = new FactBatcher({
      maxFacts: 1,
      maxWaitMs: 60_000,
      apply: () => Promise.reject(new TypeError('x is undefined')),
    });
    await assert.rejects(batcher.add(facts(1)[0]!), TransientError);
  });
});
