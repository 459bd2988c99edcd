// Months that leave the ledger, against a real PostgreSQL: which may, and what remains of the studies that they had a part of.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { type ReceiptId, receivedKey, uuidV7 } from '../brands.ts';
import type { Instance } from '../events/instance.ts';
import { type Database, openDatabase } from './database.ts';
import { listDeletionProofs } from './deletion-proofs.ts';
import { confirmedFact, receivedFact, routedFact, sampleDelivery, sampleInstance } from './facts-for-tests.ts';
import { forgetMonths } from './forget-months.ts';
import { findDifferingCounts } from './kept-counts.ts';
import { migrate } from './migrate.ts';
import { listMonths, makePartitions } from './month-partitions.ts';
import { applyFacts } from './project-facts.ts';
import { listDayCounts } from './reconciliation-queries.ts';
import { findStudy, listStudies } from './study-queries.ts';

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
beforeEach(async () => {
  for (const table of ['instances', 'deliveries', 'studies', 'series', 'deletions', 'conflicts', 'day_outcomes'])
    await database.query(`DELETE FROM ${table}`);
});

function receivedOn(day: string, study: number, number: number): Instance {
  const at = Date.parse(day) + number * 1_000;
  const receiptId = uuidV7(at) as ReceiptId;
  return { ...sampleInstance(study, number), receiptId, objectKey: receivedKey(receiptId), receivedAt: new Date(at).toISOString() };
}

/** Delivered, and its object gone. */
async function done(...instances: Instance[]): Promise<void> {
  await applyFacts(
    database,
    instances.flatMap((instance) => [routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2)]),
  );
  const ids = instances.map(({ receiptId }) => receiptId);
  await database.query('UPDATE instances SET object_deleted_at = now() WHERE receipt_id = ANY($1::uuid[])', [ids]);
  await makePartitions(database, new Date());
}

const APRIL = new Date('2024-04-01');

describe('a month', () => {
  test('of which everything is done leaves, with its studies; what studies have in later months stays and is counted', async () => {
    await done(
      receivedOn('2024-02-10', 1, 1),
      receivedOn('2024-02-11', 2, 2),
      receivedOn('2024-03-05', 2, 3),
      receivedOn('2024-04-05', 2, 4),
      receivedOn('2024-04-06', 3, 5),
    );
    const { forgotten, kept } = await forgetMonths(database, APRIL);
    assert.deepEqual(forgotten, [
      { month: '2024-02-01', instances: 2, studies: 2 },
      { month: '2024-03-01', instances: 1, studies: 1 },
    ]);
    assert.deepEqual(kept, []);
    assert.deepEqual((await listMonths(database))[0], '2024-04-01');
    assert.deepEqual(
      (await listStudies(database, { limit: 10 })).map(({ patientId, receipts }) => [patientId, receipts]),
      [
        ['PID3', 1],
        ['PID2', 1],
      ],
    );
    assert.equal(await findStudy(database, sampleInstance(1, 1).studyInstanceUid!), undefined);
    const studies = [1, 2, 3].map((study) => sampleInstance(study, 1).studyInstanceUid!);
    assert.deepEqual(await findDifferingCounts(database, studies), []);
  });

  test('remains as days, and as a proof of what it had', async () => {
    await done(receivedOn('2024-02-10', 1, 1), receivedOn('2024-02-11', 1, 2));
    await forgetMonths(database, APRIL);
    const [proof] = await listDeletionProofs(database, 10);
    const { cause, day, instances, bytes, confirmed } = proof!;
    assert.deepEqual(
      { cause, day, instances, bytes, confirmed },
      { cause: 'month', day: '2024-02-01', instances: 2, bytes: 2003, confirmed: 2 },
    );
    assert.equal((await listDayCounts(database, { day: '2024-02-10', limit: 1 }))[0]!.delivered, 1);
  });

  for (const [why, undo] of [
    ['an instance is held', `UPDATE instances SET outcome = 'held'`],
    ['an object is still there', 'UPDATE instances SET object_deleted_at = NULL'],
    ['a delivery is due', `UPDATE deliveries SET fact_state = 'due'`],
  ] as const)
    test(`stays when ${why}, however old it is`, async () => {
      await done(receivedOn('2024-02-10', 1, 1), receivedOn('2024-02-11', 2, 2));
      await database.query(`${undo} WHERE study_key = $1`, [sampleInstance(2, 2).studyInstanceUid]);
      const { forgotten, kept } = await forgetMonths(database, APRIL);
      assert.deepEqual([forgotten.filter(({ instances }) => instances > 0), kept.map(({ month }) => month)], [[], ['2024-02-01']]);
      assert.equal((await listStudies(database, { limit: 10 })).length, 2);
    });

  test('stays when something comes for it between the look and the deletion: a modality whose clock is wrong, a fact told again', async () => {
    await done(receivedOn('2024-02-10', 1, 1));
    const late = receivedOn('2024-02-20', 2, 2);
    const racing: Database = {
      ...database,
      query: async (sql, values) => {
        const rows = await database.query(sql, values);
        if (sql.includes('"withObject"')) await applyFacts(database, [receivedFact(late, 1)]);
        return rows as never;
      },
    };
    const { forgotten, kept } = await forgetMonths(racing, APRIL);
    assert.deepEqual([forgotten.filter(({ instances }) => instances > 0), kept.map(({ month }) => month)], [[], ['2024-02-01']]);
    assert.ok((await findStudy(database, late.studyInstanceUid!)) !== undefined);
  });

  test('that has not ended before stays', async () => {
    await done(receivedOn('2024-03-31', 1, 1));
    const { forgotten } = await forgetMonths(database, new Date('2024-03-31T23:59:59Z'));
    assert.deepEqual(
      forgotten.filter(({ month }) => month >= '2024-03'),
      [],
    );
  });
});
