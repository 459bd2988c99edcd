// The projection against a real PostgreSQL: any order, repeated, split over batches at random.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { objectKey } from '../brands.ts';
import { PermanentError, TransientError } from '../errors.ts';
import { type Fact, fact as factSchema, type Held } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import type { Retrieval } from '../events/retrieval.ts';
import { type Database, openDatabase } from './database.ts';
import {
  actedFact,
  attemptedFact,
  confirmedFact,
  failedFact,
  parkedFact,
  quarantinedFact,
  readyFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from './facts-for-tests.ts';
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

const TABLES: Record<string, string> = {
  studies: 'study_key',
  series: 'study_key, series_key',
  instances: 'receipt_id',
  deliveries: 'id',
  retrievals: 'id',
  destination_states: 'destination',
  operator_actions: 'id',
  conflicts: 'sop_instance_uid',
};

async function everyRow(): Promise<Record<string, unknown[]>> {
  const rows = await Promise.all(Object.entries(TABLES).map(([table, key]) => database.query(`SELECT * FROM ${table} ORDER BY ${key}`)));
  return Object.fromEntries(Object.keys(TABLES).map((table, at) => [table, rows[at]!]));
}

async function deleteEveryRow(): Promise<void> {
  await database.query(`TRUNCATE ${Object.keys(TABLES).join(', ')}`);
}

const held: Held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] };

/** A day's life: delivered, retried, failed and retried, held and assigned, held and discarded, quarantined, set in motion again, retrieved. */
function aDay(): Fact[] {
  const facts: Fact[] = [];
  const [original, failing, assigned, discarded, quarantined, revived] = [0, 1, 2, 3, 4, 5].map((n) =>
    sampleInstance(n % 3, n, { SeriesNumber: String(n) }),
  );
  const delivered = { ...original!, attributes: { ...original!.attributes, InstitutionName: 'MS44', PatientID: 'N-0' } };
  facts.push(receivedFact(original!, 0));
  const everyone = [failing!, assigned!, discarded!, quarantined!, revived!];
  for (const [n, instance] of everyone.entries()) facts.push(receivedFact(instance, 1 + n), readyFact(instance, 11 + n));
  facts.push(readyFact(delivered, 10));
  const cloud = sampleDelivery(delivered, 'cloud');
  facts.push(
    routedFact(delivered, 20, { to: ['cloud', 'pacs'] }),
    attemptedFact(cloud, 21, 1),
    attemptedFact(cloud, 22, 2),
    confirmedFact(cloud, 23),
  );
  const refused = sampleDelivery(failing!, 'cloud');
  const dueAgain: Fact = { ...sampleEnvelope(32, 1), type: 'ledger.delivery.due', delivery: refused };
  facts.push(routedFact(failing!, 30, { to: ['cloud'] }), failedFact(refused, 31), dueAgain, confirmedFact(refused, 33, 1));
  facts.push(actedFact('delivery-retried', refused.id, { seconds: 32, generation: 1 }));
  facts.push(routedFact(assigned!, 40, { held }), readyFact(assigned!, 41, 1), routedFact(assigned!, 42, { to: ['pacs'], generation: 1 }));
  facts.push(routedFact(discarded!, 50, { held }), actedFact('instance-discarded', discarded!.receiptId, { seconds: 51, generation: 0 }));
  facts.push(actedFact('delivery-discarded', sampleDelivery(delivered, 'pacs').id, { seconds: 52, generation: 0 }));
  const waiting = sampleDelivery(assigned!, 'pacs');
  const queuedAgain: Fact = { ...sampleEnvelope(44, 2), type: 'ledger.delivery.due', delivery: waiting };
  facts.push(parkedFact(waiting, 43, 1), queuedAgain, parkedFact(sampleDelivery(revived!, 'pacs'), 45));
  facts.push(quarantinedFact(quarantined!, 60), receivedFact(revived!, 61, 1), confirmedFact(sampleDelivery(revived!, 'cloud'), 62));
  const retrieval: Retrieval = {
    id: 'r1',
    source: 'cloud',
    studyInstanceUid: '1.2.3',
    destinations: ['pacs'],
    lane: 'prior',
    requestedBy: 'admin',
  };
  for (const [n, state] of (['fetching', 'fetching', 'done'] as const).entries()) {
    facts.push({
      ...sampleEnvelope(70 + n),
      type: 'ledger.retrieval.changed',
      retrieval,
      state,
      instances: 9,
      fetched: n * 4,
      fromCache: 1,
    });
  }
  facts.push({
    ...sampleEnvelope(80),
    type: 'ledger.destination.changed',
    destination: 'cloud',
    state: 'paused',
    reason: 'connect ECONNREFUSED',
  });
  const altered = { ...sampleInstance(0, 9), sopInstanceUid: original!.sopInstanceUid };
  const elsewhere = { ...sampleInstance(2, 10), sopInstanceUid: original!.sopInstanceUid };
  facts.push(receivedFact(altered, 90), receivedFact(elsewhere, 91));
  facts.push({ ...sampleEnvelope(81), type: 'ledger.destination.changed', destination: 'cloud', state: 'open' });
  return facts;
}

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
    await deleteEveryRow();
    await applyFacts(database, facts);
    const expected = await everyRow();
    assert.equal(expected.instances!.length, 8);
    assert.equal(expected.conflicts!.length, 1);
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seeded(seed);
      await deleteEveryRow();
      await applyInBatches(shuffled([...facts, ...shuffled(facts, random).slice(0, 10)], random), random);
      assert.deepEqual(await everyRow(), expected, `seed ${seed}`);
    }
  });

  test('a day ends in the states an operator expects', async () => {
    const facts = aDay();
    await deleteEveryRow();
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
    await deleteEveryRow();
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
    await deleteEveryRow();
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
