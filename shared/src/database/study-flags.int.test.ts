// Studies whose instances disagree, against a real PostgreSQL: found whatever order facts come in, gone when the instances agree again.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import type { FactOf } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import { type Database, openDatabase } from './database.ts';
import { findStudyWithin, listStudiesWithin } from './facility-study-queries.ts';
import { openWorkWithin } from './facility-work-queries.ts';
import { readyFact, receivedFact, routedFact, sampleInstance } from './facts-for-tests.ts';
import { deleteEveryRow } from './ledger-rows-for-tests.ts';
import { migrate } from './migrate.ts';
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
beforeEach(async () => {
  await deleteEveryRow(database);
  await database.query('TRUNCATE study_variants, study_flags, facility_studies');
});

/** Decided for these facilities; the hub that the association stands for comes first. */
function routed(instance: Instance, facilities: string[], generation = 0): FactOf<'ledger.instance.routed'> {
  const fact = routedFact(instance, 10, { generation }) as FactOf<'ledger.instance.routed'>;
  return { ...fact, facility: facilities[0], facilities: facilities.map((id) => ({ id, rule: `${id}: rule` })) };
}
const STUDY = sampleInstance(1, 1).studyInstanceUid!;
const study = () => findStudyWithin(database, 'all', STUDY);
const flags = async () => (await study())?.flags;
const as = (number: number, attributes: Record<string, string> = {}): Instance => sampleInstance(1, number, attributes);

describe('a study', () => {
  test('of one patient that goes to one endpoint is not flagged, however names are padded and written', async () => {
    const instances = [
      as(1),
      as(2, { PatientName: 'Sample^Patient1^^' }),
      as(3, { PatientName: 'SAMPLE^PATIENT1=患者', PatientID: 'PID1 ' }),
    ];
    await applyFacts(
      database,
      instances.map((instance) => routed(instance, ['hub', 'ms44'])),
    );
    assert.deepEqual([await flags(), (await study())?.disagreements], [[], []]);
  });

  for (const [what, attributes] of Object.entries<Record<string, string>>({
    'another ID': { PatientID: 'PID2' },
    'another name': { PatientName: 'OTHER^NAME' },
    'another birth date': { PatientBirthDate: '19700101' },
    'another sex': { PatientSex: 'M' },
    'another issuer of the ID': { IssuerOfPatientID: 'ELSEWHERE' },
  }))
    test(`with ${what} in one instance is flagged, in whatever batches and order its facts come`, async () => {
      const facts = [routed(as(1), ['north']), routed(as(2), ['north']), routed(as(3, attributes), ['north'])];
      for (const batches of [[facts], facts.map((one) => [one]), facts.toReversed().map((one) => [one])]) {
        await deleteEveryRow(database);
        await database.query('TRUNCATE study_variants, study_flags, facility_studies');
        for (const batch of batches) await applyFacts(database, batch);
        assert.deepEqual(await flags(), ['patient']);
        assert.deepEqual(
          (await study())!.disagreements.map(({ flag, instances }) => [flag, instances]),
          [
            ['patient', 2],
            ['patient', 1],
          ],
        );
        assert.equal((await openWorkWithin(database, 'all')).flagged, 1);
      }
    });

  test('is not flagged for what coercion makes of its instances on the way', async () => {
    const received = as(1, { PatientID: 'LOCAL1' });
    const coerced = { ...received, attributes: as(1).attributes };
    await applyFacts(database, [receivedFact(received, 1), routed(as(2), ['north'])]);
    await applyFacts(database, [readyFact(coerced, 2)]);
    await applyFacts(database, [routed(coerced, ['north'])]);
    assert.deepEqual(await flags(), []);
  });

  test('whose instances a hub sends to different endpoints is flagged, and no longer once they agree', async () => {
    await applyFacts(database, [routed(as(1), ['hub', 'ms44']), routed(as(2), ['hub', 'ms44'])]);
    const third = as(3);
    await applyFacts(database, [routed(third, ['hub', 'ms45'])]);
    assert.deepEqual(await flags(), ['endpoints']);
    assert.deepEqual(
      (await study())!.disagreements.map(({ says, instances }) => [says, instances]),
      [
        ['hub: hub,ms44', 2],
        ['hub: hub,ms45', 1],
      ],
    );
    await applyFacts(database, [routed(third, ['hub', 'ms44'], 1)]);
    assert.deepEqual([await flags(), (await openWorkWithin(database, 'all')).flagged], [[], 0]);
  });

  test('that was sent to two facilities on purpose is not flagged: no mapping tag decided that', async () => {
    await applyFacts(database, [routed(as(1), ['north']), routed(as(2), ['south'])]);
    assert.deepEqual(await flags(), []);
  });

  test('is flagged, for who has one facility only, by what that facility received', async () => {
    await applyFacts(database, [routed(as(1), ['north']), routed(as(2, { PatientID: 'PID9' }), ['south'])]);
    assert.deepEqual(await flags(), ['patient']);
    assert.deepEqual((await findStudyWithin(database, ['north'], STUDY))?.flags, []);
    assert.equal((await openWorkWithin(database, ['north'])).flagged, 0);
    await applyFacts(database, [routed(as(3, { PatientID: 'PID3' }), ['north'])]);
    const [listed] = await listStudiesWithin(database, ['north'], { limit: 10 });
    assert.deepEqual(listed?.flags, ['patient']);
    const told = (await findStudyWithin(database, ['north'], STUDY))!.disagreements;
    assert.ok(told.length === 2 && !JSON.stringify(told).includes('PID9'), JSON.stringify(told));
    assert.equal((await openWorkWithin(database, ['north'])).flagged, 1);
  });
});
