// The service as a process, on a real nats-server and a folder of objects: hot configuration, kills, a destination that goes away.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { freePort, type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { createScp, type Scp } from '@causeway/shared/dicom/dimse/scp';
import type { Delivery } from '@causeway/shared/events/delivery';
import { type Fact, fact } from '@causeway/shared/events/facts';
import { deliverySubject } from '@causeway/shared/events/flow';
import { createLogger } from '@causeway/shared/logger';
import { type ArchiveForTests, startArchive } from './archive-for-tests.ts';
import { dueOf, type InstanceOptions, memoryStore, newDelivery } from './deliveries-for-tests.ts';

const MAIN = join(import.meta.dirname, 'main.ts');
const CONCURRENCY = 2;
const BATCH = 5;

let folder: string;
let nats: NatsServer;
let bus: Bus;
let archive: ArchiveForTests;
let following: Consumption;
let uploader: ChildProcess | undefined;
const facts: Fact[] = [];
/** Called at each fact and at each look. */
let wake: () => void = () => {};
let revision = 0;

/** Resolves once the condition holds; it is looked at again at each fact, and now and then. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 100);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

const stowDestination = (id: string) => ({
  ...{ id, kind: 'stow', url: archive.url, concurrency: CONCURRENCY, batch: { instances: BATCH, size: '32MiB' } },
  retry: { first: '200ms', factor: 1.5, max: '1s', giveUpAfter: '1h' },
});

async function configure(destinations: object[]): Promise<void> {
  revision += 1;
  const facilities = [
    { id: 'standard', model: 'standard', match: [{}], destinations: destinations.map((each) => (each as { id: string }).id) },
  ];
  await publishGatewayDocument(bus, revision, { gateway: { aeTitle: 'CAUSEWAY' }, facilities, destinations });
}

async function startUploader(): Promise<void> {
  const env = { ...process.env, CAUSEWAY_NATS_URL: nats.url, CAUSEWAY_OBJECT_STORE: `folder:${folder}`, CAUSEWAY_LOG_LEVEL: 'warn' };
  uploader = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'ignore', 'inherit'] });
  await once(uploader, 'spawn');
}

async function endUploader(signal: NodeJS.Signals): Promise<number | null> {
  const child = uploader!;
  uploader = undefined;
  if (child.exitCode !== null) return child.exitCode;
  child.kill(signal);
  const [code] = await once(child, 'exit');
  return code as number | null;
}

/** Instances in the store, due to the destination. */
async function makeDue(destination: string, count: number, options: InstanceOptions = {}): Promise<(Delivery & { dataSet: Buffer })[]> {
  const store = memoryStore();
  const deliveries = Array.from({ length: count }, () => newDelivery(store, { destination, ...options }));
  for (const [key, bytes] of store.objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
  }
  await Promise.all(deliveries.map((delivery) => publishDue(delivery)));
  return deliveries;
}

async function publishDue({ dataSet: _, ...delivery }: Delivery & { dataSet?: Buffer }, generation = 0): Promise<void> {
  const subject = deliverySubject(delivery.destination, delivery.instance.lane);
  await bus.publish(dueOf(delivery, generation), { subject, messageId: `${delivery.id}.${generation}.${Math.random()}` });
}

/** Ids of the confirmed facts of these deliveries: a fact told twice has one id. */
function confirmations(deliveries: readonly Delivery[]): Map<string, Set<string>> {
  const ids = new Map(deliveries.map(({ id }) => [id, new Set<string>()]));
  for (const each of facts) if (each.type === 'ledger.delivery.confirmed') ids.get(each.delivery.id)?.add(each.id);
  return ids;
}
const allConfirmed = (deliveries: readonly Delivery[]): boolean => [...confirmations(deliveries).values()].every((ids) => ids.size > 0);

const nothingLeft = async (destination: string): Promise<boolean> =>
  (await bus.queued('DELIVERIES', `delivery.due.${destination}.>`)) === 0;
const states = (destination: string): string[] =>
  facts.flatMap((each) => (each.type === 'ledger.destination.changed' && each.destination === destination ? [each.state] : []));

describe('the uploader as a process', () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'uploader-'));
    nats = await startNatsServer();
    bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 1e9 }, log: createLogger('test', 'error') });
    archive = await startArchive(await freePort());
    following = await bus.consume(
      { stream: 'FACTS', name: 'test', filter: 'ledger.>', schema: fact, concurrency: 50, onPermanent: async () => {} },
      async ({ event }) => {
        facts.push(event);
        wake();
      },
    );
  });
  afterEach(async () => {
    archive.beforeAnswer = async () => {};
    archive.refuseWith = undefined;
    if (uploader !== undefined) await endUploader('SIGTERM');
  });
  after(async () => {
    await following.stop();
    await bus.close();
    await archive.close();
    await nats.stop();
    await rm(folder, { recursive: true });
  });

  it('delivers every due instance byte for byte and leaves nothing in the queue', async () => {
    await configure([stowDestination('cloud')]);
    const deliveries = await makeDue('cloud', 40);
    await startUploader();
    await until(async () => allConfirmed(deliveries) && (await nothingLeft('cloud')));
    for (const { instance, dataSet } of deliveries) {
      assert.deepEqual(archive.stored.get(instance.sopInstanceUid), [dataSet]);
    }
    for (const each of facts) {
      if (each.type !== 'ledger.delivery.confirmed') continue;
      assert.deepEqual([each.confirmation, each.digest], ['stow 200', each.delivery.instance.digest]);
    }
  });

  it('sends nothing twice when a message comes twice, and sends a higher generation again', async () => {
    await startUploader();
    const [delivery] = await makeDue('cloud', 1);
    await until(() => allConfirmed([delivery!]));
    await publishDue(delivery!);
    await until(() => nothingLeft('cloud'));
    assert.equal(archive.stored.get(delivery!.instance.sopInstanceUid)!.length, 1);
    assert.equal(confirmations([delivery!]).get(delivery!.id)!.size, 1);
    await publishDue(delivery!, 1);
    await until(() => archive.stored.get(delivery!.instance.sopInstanceUid)!.length === 2);
  });

  // Takes as long as JetStream waits for the acknowledgements of the killed process.
  it('loses nothing when it is killed, and repeats no more than was in flight', async () => {
    const held = Promise.withResolvers<void>();
    const inFlight = Promise.withResolvers<void>();
    let answered = 0;
    archive.beforeAnswer = async () => {
      answered += 1;
      if (answered === 4) inFlight.resolve();
      if (answered >= 4) await held.promise;
    };
    await startUploader();
    const deliveries = await makeDue('cloud', 60);
    await inFlight.promise;
    await endUploader('SIGKILL');
    archive.beforeAnswer = async () => {};
    held.resolve();
    await startUploader();
    await until(async () => allConfirmed(deliveries) && (await nothingLeft('cloud')));
    const times = deliveries.map(({ instance }) => archive.stored.get(instance.sopInstanceUid)!.length);
    const repeats = times.reduce((sum, count) => sum + count - 1, 0);
    assert.ok(repeats <= CONCURRENCY * BATCH, `${repeats} repeats`);
    for (const { instance, dataSet } of deliveries)
      assert.ok(archive.stored.get(instance.sopInstanceUid)!.every((copy) => copy.equals(dataSet)));
  });

  it('pauses a destination that is away, says so without telling of each message, and goes on when it is back', async () => {
    await startUploader();
    await until(() => states('cloud').length > 0);
    await archive.close();
    const before = facts.length;
    const deliveries = await makeDue('cloud', 50);
    await until(() => states('cloud').at(-1) === 'paused');
    const ready = facts.slice(before);
    assert.ok(ready.filter(({ type }) => type === 'ledger.delivery.attempted').length <= CONCURRENCY * BATCH);
    await archive.open();
    await until(async () => allConfirmed(deliveries) && (await nothingLeft('cloud')));
    await until(() => states('cloud').at(-1) === 'open');
    assert.ok(!facts.some(({ type }) => type === 'ledger.delivery.failed'));
  });

  it('pauses a destination that does not let us in, instead of failing the instances', async () => {
    archive.refuseWith = 401;
    await startUploader();
    const [delivery] = await makeDue('cloud', 1);
    await until(() => states('cloud').at(-1) === 'paused');
    archive.refuseWith = undefined;
    await until(() => allConfirmed([delivery!]));
  });

  it('serves a destination that is added while it runs, and leaves one alone that is taken out', async () => {
    const arrived: string[] = [];
    const scp: Scp = createScp({
      handlers: {
        associationRequested: ({ contexts }) => ({
          contexts: contexts.map(({ id, transferSyntaxUids }) => ({ id, result: 0, transferSyntaxUid: transferSyntaxUids[0]! })),
        }),
        storeRequested: (_, request) => ({
          write: () => undefined,
          end: async () => {
            arrived.push(request.affectedSopInstanceUid);
            return { status: 0 };
          },
          abort: () => {},
        }),
      },
      limits: () => ({ associations: 10, associationsPerSource: 10, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 5000 }),
      implementation: { classUid: '1.2.3', versionName: 'PACS' },
      report: () => {},
    });
    const { port } = await scp.listen({ id: 'pacs', host: '127.0.0.1', port: 0 });
    const pacs = { ...{ id: 'pacs', kind: 'dimse', host: '127.0.0.1', port, calledAe: 'PACS' }, retry: { first: '200ms', max: '1s' } };
    await startUploader();
    await until(() => states('cloud').length > 0);
    const deliveries = await makeDue('pacs', 12);
    await configure([stowDestination('cloud'), pacs]);
    await until(async () => allConfirmed(deliveries) && (await nothingLeft('pacs')));
    assert.deepEqual(arrived.toSorted(), deliveries.map(({ instance }) => instance.sopInstanceUid).toSorted());
    await configure([stowDestination('cloud')]);
    const [other] = await makeDue('cloud', 1);
    await until(() => allConfirmed([other!]));
    await scp.drain(0);
  });

  it('parks a delivery whose object is not there, and the others go on', async () => {
    await startUploader();
    const [missing] = [newDelivery(memoryStore(), { destination: 'cloud' })];
    await publishDue(missing);
    const [good] = await makeDue('cloud', 1);
    await until(() => facts.some((each) => each.type === 'ledger.delivery.failed' && each.delivery.id === missing.id));
    await until(() => allConfirmed([good!]));
    assert.equal(archive.stored.has(missing.instance.sopInstanceUid), false);
  });

  it('ends what is under way on SIGTERM, gives the rest back, and exits with 0', async () => {
    const held = Promise.withResolvers<void>();
    const inFlight = Promise.withResolvers<void>();
    archive.beforeAnswer = async () => {
      inFlight.resolve();
      await held.promise;
    };
    await startUploader();
    const deliveries = await makeDue('cloud', 30);
    await inFlight.promise;
    const ended = endUploader('SIGTERM');
    held.resolve();
    assert.equal(await ended, 0);
    const done = [...confirmations(deliveries).values()].filter((ids) => ids.size > 0).length;
    const sent = deliveries.filter(({ instance }) => archive.stored.has(instance.sopInstanceUid)).length;
    await until(() => [...confirmations(deliveries).values()].filter((ids) => ids.size > 0).length === sent);
    assert.ok(sent < 30 && done <= sent);
    await startUploader();
    await until(async () => allConfirmed(deliveries) && (await nothingLeft('cloud')));
    for (const { instance } of deliveries) assert.equal(archive.stored.get(instance.sopInstanceUid)!.length, 1);
  });
});
