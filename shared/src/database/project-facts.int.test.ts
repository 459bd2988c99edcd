// The projection against a real PostgreSQL: any order, repeated, split over batches at random.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { objectKey } from '../brands.ts';
import { PermanentError, TransientError } from '../errors.ts';
import { type Fact, fact as factSchema } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import { type Database, openDatabase } from './database.ts';
import { aDay } from './day-of-facts-for-tests.ts';
import {
  actedFact,
  attemptedFact,
  confirmedFact,
  failedFact,
  parkedFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from './facts-for-tests.ts';
import { findDifferingCounts } from './kept-counts.ts';
import { deleteEveryRow, everyRow } from './ledger-rows-for-tests.ts';
import { migrate } from './migrate.ts';
import { applyFacts } from './project-facts.ts';

let postgres: PostgresForTests;
let database: Database;
before(async () => {
  postgres = await startPostgres();
  database = openDatabase(postgres.url);
  await migrate(database);
});
after(async () => {
  await database?.close();
  await postgres?.stop();
});

/** Mulberry32: the same shuffles in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const copy = [...list];
  for (let at = copy.length - 1; at > 0; at -= 1) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other]!, copy[at]!];
  }
  return copy;
}

async function applyInBatches(facts: Fact[], random: () => number): Promise<void> {
  for (let at = 0; at < facts.length; ) {
    const size = 1 + Math.floor(random() * 8);
    await applyFacts(database, facts.slice(at, at + size));
    at += size;
  }
}

const stateOf = async (table: 'instances' | 'deliveries', id: string): Promise<string | undefined> => {
  const key = table === 'instances' ? 'receipt_id::text' : 'id';
  return (await database.query<{ state: string }>(`SELECT state FROM ${table} WHERE ${key} = $1`, [id]))[0]?.state;
};

describe('the projection of facts', () => {
  test('the sample facts are of the contract', () => {
    for (const fact of aDay()) assert.ok(factSchema.safeParse(fact).success, fact.type);
  });

  test('forty random orders, with repeats and in random batches, give exactly the rows of the true order', async () => {
    const facts = aDay();
    await deleteEveryRow(database);
    await applyFacts(database, facts);
    const expected = await everyRow(database);
    assert.equal(expected.instances!.length, 12);
    assert.equal(expected.conflicts!.length, 2);
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seeded(seed);
      await deleteEveryRow(database);
      await applyInBatches(shuffled([...facts, ...shuffled(facts, random).slice(0, 10)], random), random);
      assert.deepEqual(await everyRow(database), expected, `seed ${seed}`);
      assert.deepEqual(await findDifferingCounts(database), [], `seed ${seed}`);
    }
  });

  test('a day ends in the states an operator expects', async () => {
    const facts = aDay();
    await deleteEveryRow(database);
    await applyFacts(database, facts);
    const receipt = (n: number): string => (facts[n * 2] as Extract<Fact, { type: 'ledger.instance.received' }>).instance.receiptId;
    const states = await Promise.all([0, 1, 2, 3, 4, 5].map((n) => stateOf('instances', receipt(n))));
    assert.deepEqual(states, ['routed', 'routed', 'routed', 'discarded', 'quarantined', 'received']);
    assert.equal(await stateOf('deliveries', `${receipt(0)}.cloud`), 'confirmed');
    assert.equal(await stateOf('deliveries', `${receipt(0)}.pacs`), 'discarded');
    assert.equal(await stateOf('deliveries', `${receipt(1)}.cloud`), 'confirmed');
    assert.equal(await stateOf('deliveries', `${receipt(2)}.pacs`), 'due');
    assert.equal(await stateOf('deliveries', `${receipt(5)}.pacs`), 'parked');
  });

  test('one UID with other content or in another series is a conflict, told once; repeats and other encodings are none', async () => {
    await deleteEveryRow(database);
    const first = sampleInstance(5, 1);
    const under = (instance: Instance, more: Partial<Instance> = {}): Instance => ({
      ...instance,
      sopInstanceUid: first.sopInstanceUid,
      ...more,
    });
    const repeat = under(sampleInstance(5, 2), { digest: first.digest });
    const encoded = under(sampleInstance(5, 3), { transferSyntaxUid: '1.2.840.10008.1.2' });
    const fetched = under(sampleInstance(5, 4), { objectKey: objectKey(`retrieved/cloud/${'a'.repeat(32)}/1-a.dcm`) });
    const harmless = [first, repeat, encoded, fetched].map((instance, n) => receivedFact(instance, n));
    assert.deepEqual(await applyFacts(database, harmless), []);
    const told = { sopInstanceUid: first.sopInstanceUid, otherContent: true, otherSeries: false };
    const altered = receivedFact(under(sampleInstance(5, 5)), 5);
    assert.deepEqual(await applyFacts(database, [altered]), [{ ...told, receipts: 4 }]);
    assert.deepEqual(await applyFacts(database, [altered]), [], 'told again');
    const moved = receivedFact(under(sampleInstance(6, 6), { digest: first.digest }), 6);
    assert.deepEqual(await applyFacts(database, [moved]), [{ ...told, otherSeries: true, receipts: 5 }]);
  });

  test('of two ledgers that write one reception each at the same time, one finds the conflict', async () => {
    await deleteEveryRow(database);
    const pairs = Array.from({ length: 20 }, (_, n) => {
      const one = sampleInstance(5, n);
      return [one, { ...sampleInstance(5, 100 + n), sopInstanceUid: one.sopInstanceUid }] as const;
    });
    const both = pairs.flatMap((pair) => pair.map((instance) => applyFacts(database, [receivedFact(instance, 1)])));
    assert.equal((await Promise.all(both)).flat().length, pairs.length);
  });

  test('a confirmed delivery stays confirmed under a late attempt, and becomes due only by a higher generation', async () => {
    const delivery = sampleDelivery(sampleInstance(7, 7), 'cloud');
    await applyFacts(database, [confirmedFact(delivery, 5)]);
    await applyFacts(database, [
      attemptedFact(delivery, 9, 4),
      failedFact(delivery, 10),
      routedFact(delivery.instance, 11, { to: ['cloud'] }),
    ]);
    assert.equal(await stateOf('deliveries', delivery.id), 'confirmed');
    await applyFacts(database, [{ ...sampleEnvelope(1, 1), type: 'ledger.delivery.due', delivery }]);
    assert.equal(await stateOf('deliveries', delivery.id), 'due');
  });

  test('parked in the millisecond of the decision that calls it due is parked, whatever ids the facts drew', async () => {
    for (let n = 0; n < 20; n += 1) {
      const delivery = sampleDelivery(sampleInstance(7, 20 + n), 'cloud');
      await applyFacts(database, [parkedFact(delivery, 6), routedFact(delivery.instance, 6, { to: ['cloud'] })]);
      assert.equal(await stateOf('deliveries', delivery.id), 'parked');
    }
  });

  test('of due and parked in one generation the later holds; an attempt, and a discarding, lie over both', async () => {
    const [one, other] = [sampleDelivery(sampleInstance(7, 8), 'cloud'), sampleDelivery(sampleInstance(7, 9), 'cloud')];
    await applyFacts(database, [parkedFact(one, 6), routedFact(one.instance, 5, { to: ['cloud'] })]);
    assert.equal(await stateOf('deliveries', one.id), 'parked');
    await applyFacts(database, [routedFact(one.instance, 7, { to: ['cloud'] })]);
    assert.equal(await stateOf('deliveries', one.id), 'due');
    await applyFacts(database, [attemptedFact(one, 8, 1), parkedFact(one, 9)]);
    assert.equal(await stateOf('deliveries', one.id), 'retrying');
    await applyFacts(database, [parkedFact(other, 9), actedFact('delivery-discarded', other.id, { seconds: 10, generation: 0 })]);
    assert.equal(await stateOf('deliveries', other.id), 'discarded');
  });

  test('parked on its way back from a derivation it is parked, whatever was tried before and whenever the decision is told: nothing is queued for it', async () => {
    const delivery = sampleDelivery(sampleInstance(7, 10), 'cloud');
    const derived = { ...delivery, derivation: { profile: 'uncompressed', reason: 'no room' } as const };
    const facts = [attemptedFact(delivery, 8, 1), parkedFact(derived, 8), routedFact(delivery.instance, 9, { to: ['cloud'] })];
    for (const order of [facts, facts.toReversed()]) {
      await deleteEveryRow(database);
      for (const fact of order) await applyFacts(database, [fact]);
      assert.equal(await stateOf('deliveries', delivery.id), 'parked');
    }
    await applyFacts(database, [{ ...sampleEnvelope(10, 1), type: 'ledger.delivery.due', delivery }]);
    assert.equal(await stateOf('deliveries', delivery.id), 'due');
  });

  test('header values that PostgreSQL cannot keep (U+0000, half a surrogate pair) are stored without them', async () => {
    const instance = sampleInstance(8, 8, { PatientName: 'A\u0000B\ud800', StudyDescription: "'; DROP TABLE studies; --" });
    await applyFacts(database, [receivedFact(instance, 1)]);
    const [study] = await database.query<{ patient_name: string; study_description: string }>(
      'SELECT * FROM studies WHERE study_key = $1',
      [instance.studyInstanceUid],
    );
    assert.equal(study?.patient_name, 'AB\ufffd');
    assert.equal(study?.study_description, "'; DROP TABLE studies; --");
  });

  test('data that no column takes are a PermanentError without the value in its message', async () => {
    const instance = { ...sampleInstance(9, 9), size: Number.MAX_SAFE_INTEGER * 4096, receivedAt: sampleInstance(9, 9).receivedAt };
    await assert.rejects(applyFacts(database, [receivedFact(instance, 1)]), (error: Error) => {
      assert.ok(error instanceof PermanentError);
      assert.match(error.message, /SQLSTATE 22003/);
      assert.doesNotMatch(JSON.stringify(error) + error.message + String(error.cause), /SAMPLE|PID9/);
      return true;
    });
  });

  test('a killed PostgreSQL is a TransientError, and the same pool works again once it is back', async () => {
    const instance = sampleInstance(10, 10);
    await postgres.kill();
    await assert.rejects(applyFacts(database, [receivedFact(instance, 1)]), TransientError);
    await postgres.start();
    await applyFacts(database, [receivedFact(instance, 1)]);
    assert.equal(await stateOf('instances', instance.receiptId), 'received');
  });
});
