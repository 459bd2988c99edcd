// Parked deliveries come back against a real PostgreSQL: in which order, how many, and what becomes of them when somebody dies in between.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { parkedFact, routedFact, sampleDelivery, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { type Delivery, deliveryDue } from '@causeway/shared/events/delivery';
import type { Fact } from '@causeway/shared/events/facts';
import type { Lane } from '@causeway/shared/events/instance';
import { log, metrics, startTestLedger, type TestLedger } from './ledger-for-tests.ts';
import { type RequeueParts, requeue } from './requeue.ts';

const LIMIT = 10;
const document = parseGatewayDocument({
  facilities: [
    { id: 'north', match: [{}], destinations: ['cloud', 'pacs'] },
    { id: 'south', match: [{ calledAe: 'SOUTH' }], destinations: ['cloud'], quota: { queued: 5 } },
  ],
  destinations: ['cloud', 'pacs'].map((id) => ({ id, kind: 'stow', url: `http://${id}/`, queued: LIMIT })),
});

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(() => ledger.clear());

const partsOn = (bus = new RecordingBus()): RequeueParts & { bus: RecordingBus } => ({
  ...{ bus, database: ledger.database, log, metrics, document: () => document },
  queues: new DeliveryQueues({ bus, document: () => document, now: () => performance.now() }),
});

let drawn = 0;
async function park(count: number, of: { destination?: string; facility?: string; lane?: Lane } = {}): Promise<Delivery[]> {
  const { destination = 'cloud', facility = 'north', lane = 'routine' } = of;
  const deliveries = Array.from({ length: count }, () => {
    drawn += 1;
    return { ...sampleDelivery({ ...sampleInstance(1, drawn), lane }, destination), facility };
  });
  const facts = deliveries.flatMap((delivery): Fact[] => [
    routedFact(delivery.instance, drawn, { to: [destination] }),
    parkedFact(delivery, drawn + 1),
  ]);
  await applyFacts(ledger.database, facts);
  return deliveries;
}
const idsOf = (deliveries: readonly { id: string }[]): string[] => deliveries.map(({ id }) => id);
const published = (bus: RecordingBus): string[] => bus.published.map(({ event }) => (event.delivery as Delivery).id);
const inState = async (state: string): Promise<{ id: string; generation: number }[]> =>
  ledger.database.query('SELECT id, generation FROM deliveries WHERE state = $1 ORDER BY id', [state]);

describe('parked deliveries', () => {
  test('come back up to the limit: stat before routine before prior, the oldest first, in the next generation', async () => {
    const prior = await park(3, { lane: 'prior' });
    const routine = await park(8);
    const stat = await park(2, { lane: 'stat' });
    const parts = partsOn();
    assert.equal(await requeue(parts), LIMIT);
    assert.deepEqual(published(parts.bus), [...idsOf(stat), ...idsOf(routine)]);
    assert.deepEqual(new Set(parts.bus.published.map(({ event }) => event.generation)), new Set([1]));
    assert.ok(parts.bus.published.every(({ event }) => deliveryDue.parse(event).wasParked === true));
    assert.deepEqual(idsOf(await inState('parked')), idsOf(prior).sort());
    assert.deepEqual(
      parts.bus.facts.map(({ type }) => type),
      Array(LIMIT).fill('ledger.delivery.due'),
    );
  });

  test('wait while the queue is at its limit, or hardly below, and those of another destination do not wait with them', async () => {
    await park(3);
    const others = await park(3, { destination: 'pacs' });
    const parts = partsOn();
    parts.bus.queues.set('DELIVERIES delivery.due.cloud.>', 10);
    assert.equal(await requeue(parts), 3);
    assert.deepEqual(published(parts.bus), idsOf(others));
    parts.bus.queues.set('DELIVERIES delivery.due.cloud.>', 7);
    assert.equal(await requeue({ ...partsOn(parts.bus) }), 3);
    assert.deepEqual(await inState('parked'), []);
  });

  test('of a facility over its quota wait, and those of others behind them come', async () => {
    await park(4, { facility: 'south' });
    const north = await park(4);
    const parts = partsOn();
    parts.bus.queues.set('DELIVERIES delivery.due.*.*.south', 5);
    assert.equal(await requeue(parts), 4);
    assert.deepEqual(published(parts.bus), idsOf(north));
    assert.equal((await inState('parked')).length, 4);
  });

  test('are queued once by two ledgers that look at the same moment', async () => {
    const parked = await park(9);
    const bus = new RecordingBus();
    await Promise.all([requeue(partsOn(bus)), requeue(partsOn(bus)), requeue(partsOn(bus))]);
    assert.deepEqual(published(bus).sort(), idsOf(parked).sort());
    assert.deepEqual(await inState('parked'), []);
  });

  test('that were published by a ledger which died before it told so are published again under the same message id', async () => {
    await park(3);
    const bus = new RecordingBus();
    const dying = partsOn(bus);
    const told = Object.assign(Object.create(bus) as RecordingBus, { publishFact: () => Promise.reject(new Error('killed here')) });
    await assert.rejects(requeue({ ...dying, bus: told }), /killed here/);
    assert.equal((await inState('parked')).length, 3, 'still parked');
    assert.equal(await requeue(partsOn(bus)), 3);
    const messageIds = bus.published.map(({ to }) => to.messageId);
    assert.deepEqual([messageIds.length, new Set(messageIds).size], [6, 3]);
    assert.deepEqual(await inState('parked'), []);
  });

  test('stay parked while JetStream takes nothing, and come when it does', async () => {
    await park(3);
    const parts = partsOn();
    parts.bus.refusing = true;
    await assert.rejects(requeue(parts));
    assert.equal((await inState('parked')).length, 3);
    parts.bus.refusing = false;
    assert.equal(await requeue(parts), 3);
  });

  test('of one destination that cannot be queued do not keep those of others from it', async () => {
    await park(2);
    const [other] = await park(1, { destination: 'pacs' });
    const parts = partsOn();
    const queues: RequeueParts['queues'] = {
      hasRoom: (place) => parts.queues.hasRoom(place),
      publish: async (event, messageId) => {
        if (event.delivery.destination === 'cloud') throw new Error('maximum payload exceeded');
        return await parts.queues.publish(event, messageId);
      },
    };
    await assert.rejects(requeue({ ...parts, queues }), /maximum payload/);
    assert.deepEqual(published(parts.bus), [other!.id]);
    assert.equal((await inState('parked')).length, 2);
  });

  test('whose object is gone are told as failed, and do not stand in the way', async () => {
    const [gone] = await park(1);
    await park(2);
    await ledger.database.query('UPDATE instances SET object_deleted_at = now() WHERE receipt_id = $1', [gone!.instance.receiptId]);
    assert.equal(await requeue(partsOn()), 2);
    assert.deepEqual(idsOf(await inState('failed')), [gone!.id]);
  });

  test('a thousand behind a limit of ten come in turns of ten, each exactly once', async () => {
    const parked = await park(1_000);
    const bus = new RecordingBus();
    for (let turns = 0; turns < 101 && (await inState('parked')).length > 0; turns += 1) {
      const parts = partsOn(bus);
      assert.ok((await requeue(parts)) <= LIMIT);
    }
    assert.deepEqual(published(bus), idsOf(parked));
  });
});
