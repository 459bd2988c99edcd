// Reconciliation on a real PostgreSQL and real objects.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import {
  attemptedFact,
  confirmedFact,
  readyFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { TransientError } from '@causeway/shared/errors';
import { deliveryDue } from '@causeway/shared/events/delivery';
import { fact as factSchema } from '@causeway/shared/events/facts';
import { instanceReceived } from '@causeway/shared/events/instance';
import { failing, objectOf, QUICK, startTestLedger, type TestLedger, testDocument } from './ledger-for-tests.ts';
import { type Reconciled, reconcile } from './reconcile.ts';

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(() => ledger.clear());

/** Without what is undefined. */
const onTheWire = (value: object): unknown => JSON.parse(JSON.stringify(value));

const document = testDocument();
/** The samples happened in January 2026; everything about them is old. */
const run = (parts: ReturnType<TestLedger['parts']>, olderThan = new Date(Date.now() + 60_000)): Promise<Reconciled> =>
  reconcile(parts, { document, olderThan, prefixes: ['received/'], quiet: QUICK });

describe('reconcile: objects', () => {
  test('an object that the ledger does not know is announced just as its receiver would have, with generation 1', async () => {
    const { bytes, instance } = objectOf({ ...sampleInstance(1, 1), lane: 'stat' });
    await ledger.putObject(instance.objectKey, bytes);
    const parts = ledger.parts();
    assert.deepEqual(await run(parts), { objects: 1, instances: 0, deliveries: 0 });
    const [announced] = parts.bus.published;
    assert.equal(announced?.to.subject, 'instance.received.stat.north');
    assert.deepEqual(onTheWire(instanceReceived.parse(announced?.event).instance), instance);
    assert.equal(announced?.event.generation, 1);
    assert.deepEqual(
      parts.bus.facts.map(({ type }) => type),
      ['ledger.instance.received'],
    );
  });

  test('an object that says of itself what no instance can be is reported, and keeps no other from being taken up', async () => {
    const broken = objectOf({ ...sampleInstance(1, 1), lane: 'urgent' as 'stat' });
    const { bytes, instance } = objectOf(sampleInstance(2, 2));
    await ledger.putObject(broken.instance.objectKey, broken.bytes);
    await ledger.putObject(instance.objectKey, bytes);
    const parts = ledger.parts();
    assert.deepEqual(await run(parts), { objects: 1, instances: 0, deliveries: 0 });
  });

  test('a known object is left alone', async () => {
    const { bytes, instance } = objectOf(sampleInstance(1, 1));
    await ledger.putObject(instance.objectKey, bytes);
    await applyFacts(ledger.database, [routedFact(instance, 1, { to: [] })]);
    const parts = ledger.parts();
    await run(parts);
    assert.deepEqual(parts.bus.published, []);
  });

  test('an object younger than the grace age is left alone: its event may be on its way', async () => {
    const { bytes, instance } = objectOf(sampleInstance(1, 1));
    await ledger.putObject(instance.objectKey, bytes);
    const parts = ledger.parts();
    await run(parts, new Date(Date.now() - 60_000));
    assert.deepEqual(parts.bus.published, []);
  });

  for (const queue of ['RECEIVED', 'READY', 'FACTS ledger'])
    test(`while ${queue} has messages nothing is announced: one of them may be the object's`, async () => {
      const { bytes, instance } = objectOf(sampleInstance(1, 1));
      await ledger.putObject(instance.objectKey, bytes);
      const parts = ledger.parts();
      parts.bus.queues.set(queue, 1);
      await run(parts);
      assert.deepEqual(parts.bus.published, []);
    });

  test('an object whose first fact is written while the queues are looked at is left alone', async () => {
    const { bytes, instance } = objectOf(sampleInstance(1, 1));
    await ledger.putObject(instance.objectKey, bytes);
    const parts = ledger.parts();
    let writing: Promise<unknown> | undefined;
    const unacknowledged = parts.bus.unacknowledged.bind(parts.bus);
    parts.bus.unacknowledged = async (stream, consumer) => {
      writing ??= applyFacts(ledger.database, [routedFact(instance, 1, { to: [] })]);
      await writing;
      return unacknowledged(stream, consumer);
    };
    await run(parts);
    assert.deepEqual(parts.bus.published, []);
  });

  test('an object whose header cannot be parsed is announced all the same, without attributes', async () => {
    const { bytes, instance } = objectOf(sampleInstance(1, 1));
    await ledger.putObject(instance.objectKey, Buffer.concat([bytes.subarray(0, -120), Buffer.from('not a data element at all')]));
    const parts = ledger.parts();
    assert.equal((await run(parts)).objects, 1);
    const announced = instanceReceived.parse(parts.bus.published[0]?.event).instance;
    assert.equal(announced.sopInstanceUid, instance.sopInstanceUid);
    assert.deepEqual(announced.attributes, {});
  });

  for (const [what, get] of Object.entries({
    'cannot be opened': () => Promise.reject(new TransientError('object cannot be reached (EIO)')),
    'breaks off while it is read': async (bytes: Buffer) =>
      Readable.from(
        (async function* () {
          yield bytes.subarray(0, 200);
          throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
        })(),
      ),
  }))
    test(`an object that ${what} keeps no other from being taken up`, async () => {
      const [bad, good] = [objectOf(sampleInstance(1, 1)), objectOf(sampleInstance(1, 2))];
      for (const { bytes, instance } of [bad, good]) await ledger.putObject(instance.objectKey, bytes);
      const base = ledger.parts();
      const parts = { ...base, store: failing(base.store, 'get', (key) => (key === bad.instance.objectKey ? get(bad.bytes) : undefined)) };
      assert.equal((await run(parts)).objects, 1);
      assert.equal(instanceReceived.parse(parts.bus.published[0]?.event).instance.receiptId, good.instance.receiptId);
    });

  test('a store that fails object after object is away: the round ends with that', async () => {
    for (let n = 1; n <= 9; n += 1) {
      const { bytes, instance } = objectOf(sampleInstance(1, n));
      await ledger.putObject(instance.objectKey, bytes);
    }
    const base = ledger.parts();
    const away = new TransientError('the store is away');
    await assert.rejects(run({ ...base, store: failing(base.store, 'get', () => Promise.reject(away)) }), away);
  });

  test('a file that no receiver wrote is reported and does not hinder the others', async () => {
    const foreign = sampleInstance(1, 1);
    const { bytes, instance } = objectOf(sampleInstance(1, 2));
    await ledger.putObject(foreign.objectKey, Buffer.from('no DICOM at all'));
    await ledger.putObject(instance.objectKey, bytes);
    const parts = ledger.parts();
    assert.equal((await run(parts)).objects, 1);
    assert.equal(instanceReceived.parse(parts.bus.published[0]?.event).instance.receiptId, instance.receiptId);
  });
});

describe('reconcile: instances', () => {
  test('instances that stopped half-way start again with the next generation; routed and held ones do not', async () => {
    const [stuck, ready, routed, held] = [1, 2, 3, 4].map((n) => sampleInstance(2, n));
    const reason = { reason: 'no-facility', detail: 'none', candidates: [] } as {
      reason: 'no-facility';
      detail: string;
      candidates: string[];
    };
    await applyFacts(ledger.database, [
      receivedFact(stuck!, 1, 4),
      readyFact(ready!, 2),
      routedFact(routed!, 3, { to: [] }),
      routedFact(held!, 4, { held: reason }),
    ]);
    const parts = ledger.parts();
    assert.equal((await run(parts)).instances, 2);
    const again = parts.bus.published.map(({ event }) => instanceReceived.parse(event));
    assert.deepEqual(
      again.map(({ instance, generation }) => [instance.receiptId, generation]),
      [
        [stuck!.receiptId, 5],
        [ready!.receiptId, 1],
      ],
    );
    assert.deepEqual(onTheWire(again[0]!.instance), stuck);
  });

  test('they are left alone while READY has messages', async () => {
    await applyFacts(ledger.database, [receivedFact(sampleInstance(2, 1), 1)]);
    const parts = ledger.parts();
    parts.bus.queues.set('READY', 3);
    assert.equal((await run(parts)).instances, 0);
  });
});

describe('reconcile: deliveries', () => {
  test('open deliveries that nothing is queued for are queued again; confirmed ones are not', async () => {
    const [due, retrying, confirmed] = [1, 2, 3].map((n) => sampleInstance(3, n));
    await applyFacts(ledger.database, [
      ...[due!, retrying!, confirmed!].map((instance, n) => routedFact(instance, n, { to: ['cloud'] })),
      attemptedFact(sampleDelivery(retrying!, 'cloud'), 4, 1),
      confirmedFact(sampleDelivery(confirmed!, 'cloud'), 5),
    ]);
    const parts = ledger.parts();
    assert.equal((await run(parts)).deliveries, 2);
    const again = parts.bus.published.map(({ event }) => deliveryDue.parse(event));
    assert.deepEqual(
      again.map(({ delivery, generation }) => [delivery.id, generation]),
      [
        [`${due!.receiptId}.cloud`, 1],
        [`${retrying!.receiptId}.cloud`, 1],
      ],
    );
    assert.deepEqual(onTheWire(again[0]!.delivery), sampleDelivery(due!, 'cloud'));
    assert.equal(parts.bus.published[0]!.to.subject, 'delivery.due.cloud.routine.north');
    for (const fact of parts.bus.facts) assert.ok(factSchema.safeParse(fact).success);
  });

  test('what was set in motion again is due with its new generation once its fact is written', async () => {
    const instance = sampleInstance(3, 1);
    await applyFacts(ledger.database, [routedFact(instance, 1, { to: ['cloud'] })]);
    const parts = ledger.parts();
    await run(parts);
    await applyFacts(ledger.database, parts.bus.facts);
    const second = ledger.parts();
    await run(second);
    assert.equal(second.bus.published[0]?.event.generation, 2);
  });

  test('while anything is queued for the destination, or the document does not have it, its deliveries stay as they are', async () => {
    await applyFacts(ledger.database, [routedFact(sampleInstance(3, 1), 1, { to: ['cloud', 'removed'] })]);
    const parts = ledger.parts();
    parts.bus.queues.set('DELIVERIES delivery.due.cloud.>', 1);
    assert.equal((await run(parts)).deliveries, 0);
  });

  test('a delivery that waits for its derivation, or comes back from it while one looks, is not set in motion again; one whose order was lost is', async () => {
    await applyFacts(ledger.database, [routedFact(sampleInstance(3, 1), 1, { to: ['cloud'] })]);
    const waiting = ledger.parts();
    waiting.bus.queues.set('DERIVATIONS derivation.due.*.cloud.*', 1);
    assert.equal((await run(waiting)).deliveries, 0);
    const returning = ledger.parts();
    let looks = 0;
    // In DERIVATIONS at the first look, due again at the second.
    returning.bus.onLook = () => void (++looks === 2 && returning.bus.queues.set('DELIVERIES delivery.due.cloud.>', 1));
    assert.equal((await run(returning)).deliveries, 0);
    assert.equal((await run(ledger.parts())).deliveries, 1);
  });

  test('JetStream refusing in the middle ends the round and loses nothing', async () => {
    await applyFacts(ledger.database, [routedFact(sampleInstance(3, 1), 1, { to: ['cloud'] })]);
    const parts = ledger.parts();
    parts.bus.refusing = true;
    await assert.rejects(run(parts), /refused/);
    assert.equal((await run(ledger.parts())).deliveries, 1);
  });
});
