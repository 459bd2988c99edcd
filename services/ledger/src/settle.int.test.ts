// When studies settle, against a real PostgreSQL: after quiet time, once, and never because the ledger is behind.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { receivedFact, SAMPLE_EPOCH_MS, sampleEnvelope, sampleInstance, sampleTime } from '@causeway/shared/database/facts-for-tests';
import { writeFactsPosition } from '@causeway/shared/database/facts-position';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { findQuietStudies } from '@causeway/shared/database/study-arrivals';
import type { AssociationOutcome } from '@causeway/shared/events/association-record';
import type { Fact, FactOf } from '@causeway/shared/events/facts';
import type { Instance } from '@causeway/shared/events/instance';
import { costOf } from '../../../test-e2e/src/query-plans.ts';
import { log, metrics, startTestLedger, type TestLedger } from './ledger-for-tests.ts';
import { type SettleParts, settleStudies } from './settle.ts';

const QUIET = 20;
/** limits.idle and the minute after it: then the end of an association is not waited for any more. */
const GIVEN_UP = 160;
const document = parseGatewayDocument({
  gateway: { settleAfter: `${QUIET}s` },
  limits: { idle: '100s' },
  facilities: [{ id: 'north', match: [{}], destinations: ['cloud'] }],
  destinations: [{ id: 'cloud', kind: 'stow', url: 'http://cloud/' }],
});
const POSITION = { made: 'once', sequence: 10, timeline: '00000001' };

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(async () => {
  await ledger.clear();
  await writeFactsPosition(ledger.database, POSITION);
});

class WaitingBus extends RecordingBus {
  /** When the oldest fact was published that is not written yet. */
  since: Date | undefined;
  override async waitingSince(): Promise<undefined> {
    return this.since as undefined;
  }
}
const partsOn = (bus = new WaitingBus(), more: Partial<SettleParts> = {}): SettleParts & { bus: WaitingBus } => ({
  ...{ database: ledger.database, document: () => document, caughtUp: () => POSITION, log, metrics },
  ...more,
  bus,
});
const at = (seconds: number): Date => new Date(SAMPLE_EPOCH_MS + seconds * 1000);
const told = ({ bus }: { bus: RecordingBus }) => bus.facts as FactOf<'ledger.study.settled'>[];

function brought(seconds: number, { study = 1, id }: { study?: number; id?: string } = {}): Instance {
  const instance = sampleInstance(study, seconds);
  return { ...instance, association: { ...instance.association, id } };
}
const receive = (...instances: Instance[]): Promise<unknown> =>
  applyFacts(
    ledger.database,
    instances.map((instance) => receivedFact(instance, 1)),
  );
const close = (id: string, outcome: AssociationOutcome): Promise<unknown> =>
  applyFacts(ledger.database, [
    { ...sampleEnvelope(2), type: 'ledger.associations.closed', associations: [{ id, outcome, endedAt: sampleTime(2) }] } satisfies Fact,
  ]);

describe('a study', () => {
  test('settles once nothing came for the quiet time, is told once, and by what it holds', async () => {
    const [id, parts] = [randomUUID(), partsOn()];
    const last = brought(5, { id });
    await receive(brought(1, { id }), last, brought(3, { id: randomUUID() }));
    await close(id, 'released');
    assert.equal(await settleStudies(parts, at(5 + QUIET - 1)), 0);
    assert.equal(await settleStudies(parts, at(5 + QUIET)), 1);
    assert.equal(await settleStudies(parts, at(9999)), 0);
    const [fact, ...more] = told(parts);
    assert.deepEqual(more, []);
    assert.deepEqual([fact!.id, fact!.facility], [`settled.${last.receiptId}`, 'north']);
    assert.deepEqual(fact!.study, {
      ...{ key: last.studyInstanceUid, instances: 3, lastReceiptId: last.receiptId, lastReceivedAt: last.receivedAt },
      ...{ incomplete: false, ending: 'released', settling: 1 },
    });
  });

  test('is open again when more comes, and settles for the second time', async () => {
    const parts = partsOn();
    await receive(brought(1));
    await settleStudies(parts, at(1 + QUIET));
    await receive(brought(60));
    assert.equal(await settleStudies(parts, at(60 + QUIET - 1)), 0);
    assert.equal(await settleStudies(parts, at(60 + QUIET)), 1);
    assert.deepEqual(
      told(parts).map(({ study }) => [study.instances, study.settling]),
      [
        [1, 1],
        [2, 2],
      ],
    );
    assert.equal(new Set(told(parts).map(({ id }) => id)).size, 2);
  });

  const endings: [AssociationOutcome, boolean][] = [
    ['released', false],
    ['aborted-by-peer', true],
    ['aborted-by-us', true],
    ['connection-lost', true],
    ['timed-out', true],
  ];
  for (const [outcome, incomplete] of endings)
    test(`whose last association ended like this is ${incomplete ? 'incomplete' : 'complete, as far as one can tell'}: ${outcome}`, async () => {
      const [before, last, parts] = [randomUUID(), randomUUID(), partsOn()];
      await receive(brought(1, { id: before }), brought(2, { id: last }));
      await close(before, outcome === 'released' ? 'aborted-by-peer' : 'released');
      await close(last, outcome);
      await settleStudies(parts, at(2 + QUIET));
      assert.deepEqual(
        told(parts).map(({ study }) => [study.ending, study.incomplete]),
        [[outcome, incomplete]],
      );
    });

  test('waits for the end of its last association as long as that may be idle, and is incomplete when it is never told', async () => {
    const parts = partsOn();
    await receive(brought(1, { id: randomUUID() }));
    assert.equal(await settleStudies(parts, at(GIVEN_UP)), 0);
    assert.equal(await settleStudies(parts, at(1 + GIVEN_UP)), 1);
    assert.deepEqual([told(parts)[0]!.study.ending, told(parts)[0]!.study.incomplete], ['never-told', true]);
  });

  test('is not incomplete because its association stays open for other studies', async () => {
    const [id, parts] = [randomUUID(), partsOn()];
    await receive(brought(1, { id }), brought(100, { id, study: 2 }));
    assert.equal(await settleStudies(parts, at(1 + GIVEN_UP)), 1);
    assert.deepEqual([told(parts)[0]!.study.ending, told(parts)[0]!.study.incomplete], ['open', false]);
  });

  test('without a known association is not called incomplete', async () => {
    const parts = partsOn();
    await receive(brought(1));
    await settleStudies(parts, at(1 + QUIET));
    assert.deepEqual([told(parts)[0]!.study.ending, told(parts)[0]!.study.incomplete], ['unknown', false]);
  });
});

describe('a ledger', () => {
  test('that is behind settles nothing that a fact on its way may open', async () => {
    const parts = partsOn();
    await receive(brought(1));
    parts.bus.since = at(QUIET);
    assert.equal(await settleStudies(parts, at(9999)), 0);
    parts.bus.since = at(1 + QUIET);
    assert.equal(await settleStudies(parts, at(9999)), 1, 'all that came before is known');
  });

  test('whose database was exchanged or promoted, or that has not looked yet, settles nothing', async () => {
    await receive(brought(1));
    for (const caughtUp of [undefined, { ...POSITION, sequence: 11 }, { ...POSITION, made: 'anew' }, { ...POSITION, timeline: '00000002' }])
      assert.equal(await settleStudies(partsOn(new WaitingBus(), { caughtUp: () => caughtUp }), at(9999)), 0);
    assert.equal(await settleStudies(partsOn(), at(9999)), 1);
  });

  test('that dies between telling and writing tells the same once more, under the same id, and it counts once', async () => {
    await receive(brought(1));
    const bus = new WaitingBus();
    const dying = { ...ledger.database, transaction: () => Promise.reject(new Error('killed')) } as unknown as Database;
    const reading = { query: ledger.database.query.bind(ledger.database) };
    await assert.rejects(settleStudies(partsOn(bus, { database: Object.assign(dying, reading) }), at(100)));
    await settleStudies(partsOn(bus), at(110));
    // What JetStream has comes too, twice.
    await applyFacts(ledger.database, [...bus.facts, ...bus.facts]);
    assert.equal(new Set(bus.facts.map(({ id }) => id)).size, 1);
    assert.equal(bus.facts.length, 2);
    const [row] = await ledger.database.query('SELECT settlings, settled_at FROM study_arrivals');
    assert.equal((row as { settlings: number }).settlings, 1);
  });

  test('beside another one settles each study once, under one id', async () => {
    await receive(...Array.from({ length: 700 }, (_, study) => brought(1, { study: study + 1 })));
    const buses = [new WaitingBus(), new WaitingBus(), new WaitingBus()];
    await Promise.all(buses.map((bus) => settleStudies(partsOn(bus), at(100))));
    const ids = new Set(buses.flatMap((bus) => bus.facts.map(({ id }) => id)));
    assert.equal(ids.size, 700);
    const [row] = await ledger.database.query<{ rows: number; settlings: number }>(
      'SELECT (SELECT count(*) FROM study_settlings) AS rows, (SELECT sum(settlings)::int FROM study_arrivals) AS settlings',
    );
    assert.deepEqual(row, { rows: 700, settlings: 700 });
  });

  test('looks only at what is open, however many have settled', async () => {
    await ledger.database.query(`INSERT INTO study_arrivals (study_key, last_receipt, last_received_at, settled_receipt)
      SELECT '1.2.' || n, id, '2026-01-01', id FROM (SELECT n, gen_random_uuid() AS id FROM generate_series(1, 60000) n) AS drawn`);
    await receive(...Array.from({ length: 20 }, (_, study) => brought(1, { study: study + 1, id: randomUUID() })));
    await ledger.database.query('ANALYZE study_arrivals');
    const asked = { quietSince: at(100), givenUpSince: at(90), limit: 500 };
    let found = 0;
    const cost = await costOf(ledger.database, async (target) => {
      found = (await findQuietStudies(target, asked)).length;
    });
    assert.equal(found, 20);
    assert.deepEqual([...cost.wholeTables], []);
    assert.ok(cost.pages < 2_000, `${cost.pages} pages`);
  });
});
