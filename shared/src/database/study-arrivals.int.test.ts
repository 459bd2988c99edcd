// Arrivals and settlings against a real PostgreSQL: the same rows whatever order facts come in, and what the page is told of them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { seededRandom } from '../dicom/part10/data-set-for-tests.ts';
import type { Fact, StudyEnding } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import { type Database, openDatabase } from './database.ts';
import { findStudyWithin, listStudiesWithin } from './facility-study-queries.ts';
import { openWorkWithin } from './facility-work-queries.ts';
import { readyFact, receivedFact, routedFact, sampleEnvelope, sampleInstance, sampleTime } from './facts-for-tests.ts';
import { deleteEveryRow } from './ledger-rows-for-tests.ts';
import { migrate } from './migrate.ts';
import { openWork } from './open-work.ts';
import { applyFacts } from './project-facts.ts';

let postgres: Awaited<ReturnType<typeof startPostgres>>;
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
beforeEach(() => deleteEveryRow(database));

const [FIRST, SECOND] = [randomUUID(), randomUUID()];
function brought(number: number, id: string | undefined): Instance {
  const instance = sampleInstance(1, number);
  return { ...instance, association: { ...instance.association, id } };
}
const closed = (id: string, seconds: number, outcome: 'released' | 'aborted-by-peer'): Fact => ({
  ...sampleEnvelope(seconds),
  type: 'ledger.associations.closed',
  associations: [{ id, outcome, endedAt: sampleTime(seconds) }],
});
const settled = (last: Instance, seconds: number, [ending, instances]: [StudyEnding, number]): Fact => ({
  ...sampleEnvelope(seconds),
  id: `settled.${last.receiptId}`,
  type: 'ledger.study.settled',
  study: {
    ...{ key: last.studyInstanceUid!, instances, lastReceiptId: last.receiptId, lastReceivedAt: last.receivedAt },
    ...{ incomplete: ending !== 'released', ending, settling: 1 },
  },
});

/** Two instances and an abort; it settles, incomplete. A third comes and is released; it settles again, which two ledgers tell. */
const [one, two, three] = [brought(1, FIRST), brought(2, FIRST), brought(30, SECOND)];
const story: Fact[] = [
  ...[receivedFact(one, 1), readyFact(one, 2), receivedFact(two, 2), routedFact(two, 4, { to: ['cloud'] })],
  ...[closed(FIRST, 5, 'aborted-by-peer'), settled(two, 12, ['aborted-by-peer', 2])],
  ...[
    receivedFact(three, 30),
    readyFact({ ...three, association: { ...three.association, id: undefined } }, 31),
    closed(SECOND, 32, 'released'),
  ],
  ...[settled(three, 41, ['released', 3]), settled(three, 42, ['released', 4])],
];
const STUDY = one.studyInstanceUid!;

const rowsOf = async (): Promise<unknown> => [
  await database.query('SELECT * FROM study_arrivals ORDER BY 1'),
  await database.query('SELECT * FROM study_settlings ORDER BY 1, 2'),
  await database.query('SELECT * FROM association_ends ORDER BY 1'),
];
const arrival = async () => (await findStudyWithin(database, 'all', STUDY))?.arrival;

describe('the arrival of a study', () => {
  test('gives the same rows in every order of its facts, twice and in any batches', async () => {
    const random = seededRandom(7);
    let expected: unknown;
    for (let round = 0; round < 25; round += 1) {
      const facts = round === 0 ? [...story] : [...story, ...story].sort(() => random() - 0.5);
      await deleteEveryRow(database);
      while (facts.length > 0) await applyFacts(database, facts.splice(0, round === 0 ? 1 : 1 + Math.floor(random() * 6)));
      expected ??= await rowsOf();
      assert.deepEqual(await rowsOf(), expected, `round ${round}`);
    }
    assert.deepEqual(await arrival(), { state: 'settled', at: '2026-01-05T10:00:41+00:00', ending: 'released', settlings: 2 });
  });

  test('is told as it goes: receiving, incomplete, receiving more, settled', async () => {
    await applyFacts(database, story.slice(0, 4));
    assert.deepEqual(await arrival(), { state: 'receiving', settlings: 0 });
    await applyFacts(database, story.slice(4, 6));
    assert.deepEqual(await arrival(), { state: 'incomplete', at: '2026-01-05T10:00:12+00:00', ending: 'aborted-by-peer', settlings: 1 });
    assert.equal((await openWork(database)).incomplete, 1);
    await applyFacts(database, story.slice(6, 8));
    assert.deepEqual(await arrival(), { state: 'receiving', settlings: 1 });
    assert.equal((await openWork(database)).incomplete, 0, 'it may become complete');
    await applyFacts(database, story.slice(8));
    assert.equal((await arrival())?.state, 'settled');
    assert.equal((await openWork(database)).incomplete, 0);
  });

  test('keeps the association out of the rows of instances', async () => {
    await applyFacts(database, story);
    const kept = await database.query<{ association: object }>('SELECT association FROM instances');
    assert.ok(kept.every(({ association }) => !('id' in association)));
  });

  test('is none of what was retrieved', async () => {
    const retrieved = { ...one, objectKey: 'retrieved/cloud/a/b-1.dcm' as Instance['objectKey'] };
    await applyFacts(database, [receivedFact(retrieved, 1)]);
    assert.equal(await arrival(), null);
  });

  test('is not opened again by a repeat of a fact, nor by what is set in motion again', async () => {
    await applyFacts(database, story.slice(0, 6));
    await applyFacts(database, [receivedFact(two, 50, 1), readyFact(one, 51, 2)]);
    assert.equal((await arrival())?.state, 'incomplete');
  });

  test('is told to users of the facility that the last instance concerns, and to no others', async () => {
    await applyFacts(database, story.slice(0, 6));
    const tellOf = async (facility: string) => [
      (await findStudyWithin(database, [facility], STUDY))?.arrival?.state,
      (await listStudiesWithin(database, [facility], { limit: 10 })).map((study) => study.arrival?.state),
      (await openWorkWithin(database, [facility])).incomplete,
    ];
    assert.deepEqual(await tellOf('north'), ['incomplete', ['incomplete'], 1]);
    assert.deepEqual(await tellOf('south'), [undefined, [], 0]);
    const others = { ...receivedFact(brought(60, SECOND), 60), facility: 'south' };
    await applyFacts(database, [others, settled((others as { instance: Instance }).instance, 70, ['aborted-by-peer', 3])]);
    assert.deepEqual(await tellOf('south'), ['incomplete', ['incomplete'], 1]);
    assert.deepEqual(await tellOf('north'), [undefined, [undefined], 0], 'how the other’s association ended is not theirs to know');
  });
});
