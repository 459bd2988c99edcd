// Destinations that leave the document while work is queued for them, on real servers: told as failed with the revision, out of the queue, and never too early.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { Bus } from '@causeway/shared/bus/bus';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { insertConfiguration } from '@causeway/shared/database/configuration-revisions';
import {
  confirmedFact,
  parkedFact,
  routedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { type Delivery, type DeliveryDue, deliveryDue } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { deliverySubject } from '@causeway/shared/events/flow';
import { log, startTestLedger, type TestLedger } from './ledger-for-tests.ts';
import { RemovedDestinations } from './removed-destinations.ts';

const GRACE = 15_000;
const sourceOf = (...ids: string[]) => ({ destinations: ids.map((id) => ({ id, kind: 'stow', url: `http://${id}/` })) });

let ledger: TestLedger;
let nats: NatsServer;
let bus: Bus;
before(async () => {
  [ledger, nats] = await Promise.all([startTestLedger(), startNatsServer()]);
  bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 256e6 }, log });
});
after(async () => {
  await bus?.close();
  await nats?.stop();
  await ledger?.stop();
});
beforeEach(async () => {
  await ledger.clear();
  await ledger.database.query('TRUNCATE configuration_revisions');
  await bus.takeOut({ stream: 'DELIVERIES', subject: 'delivery.due.>', schema: deliveryDue }, async () => true);
});

/** Revision 1 has all three, 2 no longer has `gone`, 3 is what holds. */
async function revisions(): Promise<void> {
  for (const ids of [['cloud', 'pacs', 'gone'], ['cloud', 'pacs'], ['cloud']])
    await insertConfiguration(ledger.database, { author: 'admin', comment: '', origin: 'api', source: sourceOf(...ids) });
}

const lookingAt = (revision: number, ...ids: string[]) => {
  const state = { revision, document: parseGatewayDocument(sourceOf(...ids)) };
  const removed = new RemovedDestinations({ bus, database: ledger.database, revision: () => state, log });
  return { state, removed };
};

let drawn = 0;
async function queue(destination: string, count: number, revision = 1): Promise<Delivery[]> {
  const deliveries = Array.from({ length: count }, () => {
    drawn += 1;
    return { ...sampleDelivery(sampleInstance(1, drawn), destination), cause: { rule: 'facility north', revision } };
  });
  for (const delivery of deliveries) {
    const event: DeliveryDue = { ...newEnvelope(0), type: 'delivery.due', delivery };
    await bus.publish(event, { subject: deliverySubject(destination, 'routine', 'north'), messageId: delivery.id });
    await applyFacts(ledger.database, [{ ...sampleEnvelope(drawn), type: 'ledger.delivery.due', delivery }]);
  }
  return deliveries;
}
const queued = (destination: string): Promise<number> => bus.queued('DELIVERIES', `delivery.due.${destination}.>`);
const states = async (destination: string): Promise<Record<string, string | null>> => {
  const rows = await ledger.database.query<{ state: string; reason: string | null }>(
    'SELECT DISTINCT state, reason FROM deliveries WHERE destination = $1',
    [destination],
  );
  return Object.fromEntries(rows.map(({ state, reason }) => [state, reason]));
};

describe('a removed destination', () => {
  test('queued, parked and forgotten deliveries are told as failed with the revision that removed it, and none stays in the stream', async () => {
    await revisions();
    await queue('gone', 3);
    const others = await queue('cloud', 2);
    const [parked, forgotten] = [100_001, 100_002].map((n) => sampleDelivery(sampleInstance(2, n), 'gone'));
    await applyFacts(ledger.database, [parkedFact(parked!, 1), routedFact(forgotten!.instance, 1, { to: ['gone'] })]);
    const { removed } = lookingAt(3, 'cloud');
    assert.equal(await removed.look(0), 0);
    assert.equal(await removed.look(GRACE - 1), 0, 'too early');
    assert.equal(await removed.look(GRACE), 5);
    assert.deepEqual(await states('gone'), { failed: 'destination gone was removed from the configuration at revision 2' });
    assert.deepEqual([await queued('gone'), await queued('cloud')], [0, others.length]);
    assert.deepEqual(await states('cloud'), { due: null });
    assert.equal(await removed.look(GRACE + 1), 0, 'told again');
  });

  test('that no revision ever had is told so', async () => {
    await revisions();
    await queue('typo', 1);
    const { removed } = lookingAt(3, 'cloud');
    await removed.look(0);
    assert.equal(await removed.look(GRACE), 1);
    assert.deepEqual(await states('typo'), { failed: 'destination typo is in no revision of the configuration (3 holds)' });
  });

  test('that comes back in time keeps its queue, and what a later document asked for is left alone', async () => {
    await revisions();
    await queue('pacs', 2);
    await queue('later', 2, 4);
    const { state, removed } = lookingAt(3, 'cloud');
    await removed.look(0);
    Object.assign(state, { revision: 4, document: parseGatewayDocument(sourceOf('cloud', 'pacs')) });
    await removed.look(GRACE - 1);
    Object.assign(state, { revision: 3, document: parseGatewayDocument(sourceOf('cloud')) });
    assert.equal(await removed.look(GRACE), 0);
    assert.equal(await queued('pacs'), 2, 'missing for a moment only');
    assert.equal(await queued('later'), 2);
    assert.deepEqual(await states('later'), { due: null });
  });

  test('what arrived there all the same stays confirmed', async () => {
    await revisions();
    const [arrived] = await queue('pacs', 1);
    await applyFacts(ledger.database, [confirmedFact(arrived!, 5)]);
    const { removed } = lookingAt(3, 'cloud');
    await removed.look(0);
    await removed.look(GRACE);
    assert.deepEqual(Object.keys(await states('pacs')), ['confirmed']);
  });
});
