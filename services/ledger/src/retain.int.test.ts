// Retention on a real PostgreSQL and real objects: what may go goes, and nothing else does.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { ObjectKey } from '@causeway/shared/brands';
import { receivedKey } from '@causeway/shared/brands';
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
import { retain, sweep } from './retain.ts';

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
const retainAt = (days: number, parts = ledger.parts()): Promise<number> => retain(parts, { document, now: afterDays(days), quiet: QUICK });

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

  test('nothing leaves while facts wait: one of them may set it in motion', async () => {
    const instance = sampleInstance(1, 1);
    await stored(instance, [routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2)]);
    const parts = ledger.parts();
    parts.bus.queues.set('FACTS ledger', 1);
    assert.equal(await retainAt(1000, parts), 0);
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
