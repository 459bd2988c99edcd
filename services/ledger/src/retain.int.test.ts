// Retention on a real PostgreSQL and real objects: what may go goes, and nothing else does.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ObjectKey } from '@causeway/shared/brands';
import { receivedKey } from '@causeway/shared/brands';
import { listDeletionProofs } from '@causeway/shared/database/deletion-proofs';
import {
  actedFact,
  attemptedFact,
  confirmedFact,
  failedFact,
  quarantinedFact,
  readyFact,
  receivedFact,
  routedFact,
  SAMPLE_EPOCH_MS,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { TransientError } from '@causeway/shared/errors';
import type { Fact, Held } from '@causeway/shared/events/facts';
import type { Instance } from '@causeway/shared/events/instance';
import { derivedKeyOf, failing, QUICK, startTestLedger, type TestLedger, testDocument } from './ledger-for-tests.ts';
import { type MakeRoomParts, makeRoom } from './make-room.ts';
import { retain } from './retain.ts';
import { sweep } from './sweep.ts';

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(() => ledger.clear());

const document = testDocument();
const DAY_MS = 86_400_000;
const held: Held = { reason: 'unmatched', detail: 'no endpoint', candidates: [] };
/** Facility north keeps for two days. */
const afterDays = (days: number): Date => new Date(SAMPLE_EPOCH_MS + days * DAY_MS);
const retainAt = (days: number, parts = ledger.parts()): Promise<number> =>
  retain(parts, { document, now: afterDays(days), quiet: QUICK }).then(({ deleted }) => deleted);

/** The instance's object and a derived one in the store, and the facts in the ledger. */
async function stored(instance: Instance, facts: Fact[]): Promise<{ received: ObjectKey; derived: ObjectKey }> {
  const derived = derivedKeyOf(instance.receiptId, 'htj2k-lossless-1.dcm');
  await ledger.putObject(instance.objectKey, Buffer.from('object'));
  await ledger.putObject(derived, Buffer.from('derived'));
  await applyFacts(ledger.database, facts);
  return { received: instance.objectKey, derived };
}

const exists = async (key: ObjectKey): Promise<boolean> => (await ledger.store.stat(key)) !== undefined;

describe('retain', () => {
  test('an object and what was derived from it leave once all deliveries are confirmed and the retention has passed; the row stays', async () => {
    const instance = sampleInstance(1, 1);
    const confirmed = ['cloud', 'pacs'].map((destination, n) => confirmedFact(sampleDelivery(instance, destination), 10 + n));
    const { received, derived } = await stored(instance, [routedFact(instance, 2, { to: ['cloud', 'pacs'] }), ...confirmed]);
    assert.equal(await retainAt(1.9), 0);
    assert.ok((await exists(received)) && (await exists(derived)));
    assert.equal(await retainAt(2.1), 1);
    assert.ok(!(await exists(received)) && !(await exists(derived)));
    const rows = await ledger.database.query<{ object_deleted_at: Date | null }>('SELECT object_deleted_at FROM instances');
    assert.equal(rows.length, 1);
    assert.notEqual(rows[0]!.object_deleted_at, null);
    assert.equal(await retainAt(3), 0);
  });

  const kept: Record<string, (instance: Instance) => Fact[]> = {
    'one of its two deliveries is due': (i) => [routedFact(i, 1, { to: ['cloud', 'pacs'] }), confirmedFact(sampleDelivery(i, 'cloud'), 2)],
    'its delivery is being retried': (i) => [routedFact(i, 1, { to: ['cloud'] }), attemptedFact(sampleDelivery(i, 'cloud'), 2, 1)],
    'its delivery has failed': (i) => [routedFact(i, 1, { to: ['cloud'] }), failedFact(sampleDelivery(i, 'cloud'), 2)],
    'it is held, although the copy of the hub is confirmed': (i) => [
      routedFact(i, 1, { to: ['cloud'], held }),
      confirmedFact(sampleDelivery(i, 'cloud'), 2),
    ],
    'it is quarantined': (i) => [quarantinedFact(i, 1)],
    'it was only received': (i) => [receivedFact(i, 1)],
    'it is ready but not routed': (i) => [readyFact(i, 1)],
    'it was routed to nowhere': (i) => [routedFact(i, 1, { to: [] })],
    'only a confirmation is known, not the whole routing decision': (i) => [confirmedFact(sampleDelivery(i, 'cloud'), 2)],
    'it was confirmed and then set in motion again': (i) => [
      routedFact(i, 1, { to: ['cloud'] }),
      confirmedFact(sampleDelivery(i, 'cloud'), 2),
      { ...sampleEnvelope(3, 1), type: 'ledger.delivery.due', delivery: sampleDelivery(i, 'cloud') },
    ],
    'it was routed and confirmed, and is being routed once more': (i) => [
      routedFact(i, 1, { to: ['cloud'] }),
      confirmedFact(sampleDelivery(i, 'cloud'), 2),
      readyFact(i, 3, 1),
    ],
    'all its deliveries were discarded and none confirmed': (i) => [
      routedFact(i, 1, { to: ['cloud'] }),
      failedFact(sampleDelivery(i, 'cloud'), 2),
      actedFact('delivery-discarded', sampleDelivery(i, 'cloud').id, { seconds: 3, generation: 0 }),
    ],
  };
  for (const [why, facts] of Object.entries(kept))
    test(`an object stays for ever when ${why}`, async () => {
      const instance = sampleInstance(1, 1);
      const { received, derived } = await stored(instance, facts(instance));
      assert.equal(await retainAt(1000), 0);
      assert.ok((await exists(received)) && (await exists(derived)));
    });

  test('an object that cannot be deleted keeps no other from leaving, and leaves with a later sweep', async () => {
    const [bad, good] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    for (const instance of [bad, good])
      await stored(instance, [routedFact(instance, 2, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 10)]);
    const base = ledger.parts();
    const refusal = new TransientError('object cannot be reached (EIO)');
    const store = failing(base.store, 'delete', (key) => (key === bad.objectKey ? Promise.reject(refusal) : undefined));
    await retainAt(2.1, { ...base, store });
    assert.deepEqual([await exists(bad.objectKey), await exists(good.objectKey)], [true, false]);
    await sweep(base, { olderThan: new Date(Date.now() + 60_000), quiet: QUICK });
    assert.equal(await exists(bad.objectKey), false);
  });

  test('what an operator discarded leaves after the retention', async () => {
    const instance = sampleInstance(1, 1);
    const { received } = await stored(instance, [
      routedFact(instance, 1, { held }),
      actedFact('instance-discarded', instance.receiptId, { seconds: 2, generation: 0 }),
    ]);
    assert.equal(await retainAt(1), 0);
    assert.equal(await retainAt(3), 1);
    assert.ok(!(await exists(received)));
  });

  test('an instance of a facility that the document no longer has is kept for the default of seven days', async () => {
    const instance = sampleInstance(1, 1);
    const routed = routedFact(instance, 1, { to: ['cloud'] }) as Extract<Fact, { type: 'ledger.instance.routed' }>;
    await stored(instance, [{ ...routed, facilities: [{ id: 'gone', rule: 'x' }] }, confirmedFact(sampleDelivery(instance, 'cloud'), 2)]);
    assert.equal(await retainAt(6.9), 0);
    assert.equal(await retainAt(7.1), 1);
  });

  test('each deletion is proven: how many of which day and facility, that their deliveries were confirmed, and how long ago', async () => {
    const [one, two, discarded] = [1, 2, 3].map((n) => sampleInstance(1, n));
    for (const instance of [one!, two!])
      await stored(instance, [
        routedFact(instance, 1, { to: ['cloud', 'pacs'] }),
        ...['cloud', 'pacs'].map((id) => confirmedFact(sampleDelivery(instance, id), 2)),
      ]);
    await stored(discarded!, [
      routedFact(discarded!, 1, { held }),
      actedFact('instance-discarded', discarded!.receiptId, { seconds: 2, generation: 0 }),
    ]);
    assert.equal(await retainAt(3), 3);
    const { hour: _, lastDoneAt, ...proof } = (await listDeletionProofs(ledger.database, 10))[0]!;
    assert.deepEqual(proof, {
      ...{ cause: 'retention', day: '2026-01-05', facility: 'north', instances: 3, bytes: 3006 },
      ...{ confirmed: 4, givenUp: 0, discarded: 1, waitedSeconds: 2 * 86_400 },
    });
    assert.equal(lastDoneAt?.getTime(), SAMPLE_EPOCH_MS + 2_000);
  });

  test('a round deletes no faster than allowed, and the next goes on where it looked last', async () => {
    const instances = Array.from({ length: 1_200 }, (_, n) => sampleInstance(1, n));
    await applyFacts(
      ledger.database,
      instances.flatMap((i) => [routedFact(i, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(i, 'cloud'), 2)]),
    );
    const began = performance.now();
    const first = await retain(ledger.parts(), { document, now: afterDays(3), quiet: QUICK, mostPerSecond: 1_000 });
    assert.deepEqual(first, { deleted: 1_200, after: undefined });
    assert.ok(performance.now() - began >= 990, 'two pages of 500 take a second');
    const from = instances[800]!.receiptId;
    await ledger.database.query('UPDATE instances SET object_deleted_at = NULL');
    assert.equal((await retain(ledger.parts(), { document, now: afterDays(3), quiet: QUICK, after: from })).deleted, 399);
  });

  test('nothing leaves while facts wait: one of them may set it in motion', async () => {
    const instance = sampleInstance(1, 1);
    await stored(instance, [routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2)]);
    const parts = ledger.parts();
    parts.bus.queues.set('FACTS ledger', 1);
    assert.equal(await retainAt(1000, parts), 0);
  });
});

describe('making room', () => {
  const GIB = 1024 ** 3;
  /** Each deleted object gives back a gibibyte of a disk of 100; 5 are the watermark. */
  async function onDisk(
    free: number,
    count: number,
  ): Promise<{ parts: MakeRoomParts; instances: Instance[]; free: () => number; stages: string[] }> {
    const instances = Array.from({ length: count }, (_, n) => sampleInstance(1, n));
    for (const instance of instances)
      await stored(instance, [routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2)]);
    const base = ledger.parts();
    const stages: string[] = [];
    const space = async () => ({ free: free * GIB, total: 100 * GIB });
    const deleting = failing(base.store, 'delete', (key) => {
      if (key.startsWith('received/')) free += 1;
      return undefined;
    });
    const store = new Proxy(deleting, { get: (target, name) => (name === 'freeBytes' ? space : Reflect.get(target, name, target)) });
    return {
      parts: { ...base, store, metrics: { ...base.metrics, spaceStage: (stage) => void stages.push(stage) } },
      instances,
      free: () => free,
      stages,
    };
  }
  const now = new Date(SAMPLE_EPOCH_MS + 2 * 3_600_000);
  const make = (parts: MakeRoomParts) => makeRoom(parts, { document, now, quiet: QUICK });

  test('delivered objects leave before their time when the disk runs low, and stay when it does not', async () => {
    const { parts, instances, stages } = await onDisk(10.5, 3);
    assert.equal(await make(parts), 'cache');
    assert.deepEqual(await Promise.all(instances.map(({ objectKey }) => exists(objectKey))), [true, true, true]);
    const low = await onDisk(9.5, 3);
    assert.equal(await make(low.parts), 'delivered');
    assert.equal(await exists(low.instances[0]!.objectKey), false);
    assert.deepEqual([...stages, ...low.stages], ['cache', 'delivered']);
    assert.equal((await listDeletionProofs(ledger.database, 1))[0]!.cause, 'space');
  });

  test('nothing leaves that is not delivered, or was delivered within the hour, however full the disk is', async () => {
    const { parts } = await onDisk(1, 0);
    const [open, fresh] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    await stored(open!, [routedFact(open!, 1, { to: ['cloud'] })]);
    await stored(fresh!, [routedFact(fresh!, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(fresh!, 'cloud'), 7_000)]);
    assert.equal(await make(parts), 'refusing');
    assert.ok((await exists(open!.objectKey)) && (await exists(fresh!.objectKey)));
  });

  test('no more leaves than is needed: it is looked at after each page, oldest first', async () => {
    const { parts, instances, free } = await onDisk(9.5, 700);
    await make(parts);
    assert.deepEqual(await Promise.all([0, 499, 500, 699].map((n) => exists(instances[n]!.objectKey))), [false, false, true, true]);
    assert.equal(free(), 509.5);
  });
});

describe('sweep', () => {
  const run = (): Promise<number> => sweep(ledger.parts(), { olderThan: new Date(Date.now() - DAY_MS), quiet: QUICK });
  const old = new Date(Date.now() - 2 * DAY_MS);

  test('a deletion that a kill cut short is finished', async () => {
    const instance = sampleInstance(1, 1);
    await stored(instance, [routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2)]);
    await retainAt(3);
    const derived = derivedKeyOf(instance.receiptId, 'left-1.dcm');
    await ledger.putObject(instance.objectKey, Buffer.from('left'), old);
    await ledger.putObject(derived, Buffer.from('left'), old);
    assert.equal(await run(), 2);
    assert.ok(!(await exists(instance.objectKey)) && !(await exists(derived)));
  });

  test('it deletes no more in an hour than allowed, by all ledgers together', async () => {
    for (let n = 0; n < 7; n += 1)
      await ledger.putObject(derivedKeyOf(sampleInstance(1, n).receiptId, 'a-1.dcm'), Buffer.from('derived'), old);
    const atMost = (mostPerHour: number) => sweep(ledger.parts(), { olderThan: new Date(Date.now() - DAY_MS), quiet: QUICK, mostPerHour });
    assert.deepEqual([await atMost(3), await atMost(3), await atMost(5), await atMost(100)], [3, 0, 2, 2]);
    assert.equal((await listDeletionProofs(ledger.database, 1))[0]!.instances, 7);
  });

  test('a derived object without receipt and without received object is removed; with either, or when it is young, it stays', async () => {
    const [orphan, known, unknownButReceived, young] = [1, 2, 3, 4].map((n) => sampleInstance(1, n));
    const keys = [orphan!, known!, unknownButReceived!, young!].map(({ receiptId }) => derivedKeyOf(receiptId, 'a-1.dcm'));
    for (const [n, key] of keys.entries()) await ledger.putObject(key, Buffer.from('derived'), n === 3 ? undefined : old);
    await applyFacts(ledger.database, [receivedFact(known!, 1)]);
    await ledger.putObject(receivedKey(unknownButReceived!.receiptId), Buffer.from('received'), old);
    assert.equal(await run(), 1);
    assert.deepEqual(await Promise.all(keys.map(exists)), [false, true, true, true]);
    assert.ok(await exists(receivedKey(unknownButReceived!.receiptId)));
  });
});
