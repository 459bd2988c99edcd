// A database that was dropped is rebuilt: from the facts that JetStream still has, and what is older from the objects themselves, on a real nats-server, PostgreSQL and object store.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import type { Database } from '@causeway/shared/database/database';
import {
  confirmedFact,
  failedFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { findDifferingCounts } from '@causeway/shared/database/kept-counts';
import { migrate } from '@causeway/shared/database/migrate';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { listDayCounts } from '@causeway/shared/database/reconciliation-queries';
import type { Fact } from '@causeway/shared/events/facts';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import { type Instance, instanceReceived } from '@causeway/shared/events/instance';
import { account } from './account.ts';
import { catchUp } from './catch-up.ts';
import { log, metrics, objectOf, startTestLedger, type TestLedger, testDocument } from './ledger-for-tests.ts';
import { reconcile } from './reconcile.ts';

let ledger: TestLedger;
let nats: NatsServer;
let bus: Bus;
const consumptions: Consumption[] = [];
let database: Database;
before(async () => {
  [ledger, nats] = await Promise.all([startTestLedger(), startNatsServer()]);
  database = ledger.database;
  bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 256 * 1024 ** 2 }, log });
});
after(async () => {
  for (const consumption of consumptions) await consumption.stop();
  await bus?.close();
  await Promise.all([ledger?.stop(), nats?.stop()]);
});

async function startAccount(into: Database): Promise<void> {
  const counting = { written: () => {}, leftBehind: () => {}, conflicting: () => {} };
  consumptions.push(await account({ bus, database: into, log, metrics: counting }));
}
const written = async (): Promise<void> => {
  while ((await bus.unacknowledged('FACTS', LEDGER_CONSUMER)) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
};
const publishAll = async (facts: Fact[]): Promise<void> => {
  for (const fact of facts) await bus.publishFact(fact);
};

const life = (instance: Instance, generation = 0): Fact[] => [
  receivedFact(instance, 1, generation),
  routedFact(instance, 2, { to: ['cloud'], generation }),
  confirmedFact(sampleDelivery(instance, 'cloud'), 3, generation),
];

/** What services behind the ledger do with what it sets in motion: here everything is delivered at once. */
async function deliverWhatComes(): Promise<void> {
  const plan = {
    stream: 'RECEIVED',
    name: 'compressor',
    filter: 'instance.received.>',
    schema: instanceReceived,
    concurrency: 4,
    retryDelayMs: () => 50,
  } as const;
  consumptions.push(
    await bus.consume({ ...plan, onPermanent: async () => {} }, async ({ event }) => publishAll(life(event.instance, event.generation))),
  );
}

interface Kept {
  readonly receipt_id: string;
  readonly outcome: string;
  readonly digest: string;
  readonly patient: string;
}
/** Of every receipt what it is and what became of it; not by which generation. */
const receipts = (): Promise<Kept[]> =>
  database.query<Kept>(
    `SELECT receipt_id, outcome, digest, sop_instance_uid, study_key, size, attributes->>'PatientName' AS patient FROM instances ORDER BY receipt_id`,
  );

test('a dropped database has every receipt again: the young ones from facts, older ones from their objects, and every count is as it was', async () => {
  const objects = Array.from({ length: 60 }, (_, n) => objectOf(sampleInstance(n % 7, n)));
  for (const { bytes, instance } of objects) await ledger.putObject(instance.objectKey, bytes, new Date(Date.now() - 86_400_000));
  const [old, young] = [objects.slice(0, 30), objects.slice(30)].map((some) => some.map(({ instance }) => instance));
  // Of these the stream has forgotten the facts.
  await applyFacts(
    database,
    old!.flatMap((instance) => life(instance)),
  );
  await startAccount(database);
  await publishAll(young!.flatMap((instance) => life(instance)));
  const failed = sampleDelivery(young![0]!, 'pacs');
  await publishAll([failedFact(failed, 9)]);
  await written();
  const [before, days] = [await receipts(), await listDayCounts(database, { limit: 10 })];
  assert.deepEqual([before.length, days[0]!.received, days[0]!.delivered, days[0]!.failed], [60, 60, 59, 1]);
  await consumptions.pop()!.stop();

  await database.query('DROP SCHEMA public CASCADE');
  await database.query('CREATE SCHEMA public');
  await migrate(database);
  await startAccount(database);
  assert.equal((await catchUp({ bus, database, log }, undefined)).told, 91);
  assert.equal((await receipts()).length, 30);
  await deliverWhatComes();
  const document = testDocument();
  const queues = new DeliveryQueues({ bus, document: () => document, now: () => performance.now() });
  const set = await reconcile(
    { bus, queues, store: ledger.store, database, log, metrics },
    { document, olderThan: new Date(Date.now() - 3_600_000), prefixes: ['received/'], quiet: { looks: 100, betweenMs: 50 } },
  );
  assert.deepEqual([set.objects, set.instances], [30, 0]);
  while ((await bus.backlog('RECEIVED')).messages > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  await written();
  assert.deepEqual(await receipts(), before);
  assert.deepEqual(await listDayCounts(database, { limit: 10 }), days);
  assert.deepEqual(await findDifferingCounts(database), []);
});
