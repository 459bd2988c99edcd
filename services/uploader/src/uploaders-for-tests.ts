// Uploaders as processes, on a real nats-server, a folder of objects and an archive, with what makes deliveries due to them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Bus } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { freePort, type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import type { Delivery } from '@causeway/shared/events/delivery';
import { type Fact, fact } from '@causeway/shared/events/facts';
import { deliverySubject } from '@causeway/shared/events/flow';
import { createLogger } from '@causeway/shared/logger';
import { type ArchiveForTests, startArchive } from './archive-for-tests.ts';
import { dueOf, type InstanceOptions, memoryStore, newDelivery } from './deliveries-for-tests.ts';

const MAIN = join(import.meta.dirname, 'main.ts');

export interface Uploaders {
  readonly nats: NatsServer;
  readonly bus: Bus;
  readonly archive: ArchiveForTests;
  readonly facts: readonly Fact[];
  /** With further environment. */
  start(env?: NodeJS.ProcessEnv): Promise<ChildProcess>;
  end(uploader: ChildProcess, signal: NodeJS.Signals): Promise<void>;
  configure(document: object): Promise<void>;
  /** Puts instances into the store and publishes their deliveries. */
  makeDue(count: number, of: InstanceOptions & { destination: string; facility?: string; ageMs?: number }): Promise<Delivery[]>;
  /** `ageMs`: so long ago it became due [0]. */
  publish(delivery: Delivery, ageMs?: number): Promise<void>;
  /** Resolves once the condition holds; looked at after each fact, and now and then. */
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
  /** Ids of deliveries told as confirmed. */
  confirmed(): Set<string>;
  close(): Promise<void>;
}

export async function startUploadersForTests(): Promise<Uploaders> {
  const folder = await mkdtemp(join(tmpdir(), 'uploaders-'));
  const nats = await startNatsServer();
  const log = createLogger('test', 'error');
  const bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 1e9 }, log });
  const archive = await startArchive(await freePort());
  const { facts, until, stop } = await followFacts(bus);
  const running = new Set<ChildProcess>();
  const end = async (uploader: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    running.delete(uploader);
    if (uploader.exitCode !== null || uploader.signalCode !== null) return;
    const ended = once(uploader, 'exit');
    uploader.kill(signal);
    await ended;
  };
  const publish = (delivery: Delivery, ageMs = 0): Promise<void> => publishDue(bus, delivery, ageMs);
  let revision = 0;
  return {
    ...{ nats, bus, archive, facts, until, end, publish },
    start: async (more = {}) => {
      const own = { CAUSEWAY_NATS_URL: nats.url, CAUSEWAY_OBJECT_STORE: `folder:${folder}`, CAUSEWAY_LOG_LEVEL: 'warn' };
      const uploader = spawn(process.execPath, [MAIN], {
        env: { ...process.env, ...own, ...more },
        stdio: ['ignore', 'ignore', 'inherit'],
      });
      running.add(uploader);
      await once(uploader, 'spawn');
      return uploader;
    },
    configure: (document) => publishGatewayDocument(bus, ++revision, { gateway: { aeTitle: 'CAUSEWAY' }, ...document }),
    makeDue: async (count, of) => {
      const deliveries = await storeInstances(folder, count, of);
      await Promise.all(deliveries.map((delivery) => publish(delivery, of.ageMs)));
      return deliveries;
    },
    confirmed: () => new Set(facts.flatMap((each) => (each.type === 'ledger.delivery.confirmed' ? [each.delivery.id] : []))),
    close: async () => {
      await Promise.all([...running].map((uploader) => end(uploader, 'SIGKILL')));
      await stop();
      await bus.close();
      await archive.close();
      await nats.stop();
      await rm(folder, { recursive: true });
    },
  };
}

async function followFacts(bus: Bus): Promise<{ facts: Fact[]; until: Uploaders['until']; stop: () => Promise<void> }> {
  const facts: Fact[] = [];
  let wake: () => void = () => {};
  const following = await bus.consume(
    { stream: 'FACTS', name: 'test', filter: 'ledger.>', schema: fact, concurrency: 50, onPermanent: async () => {} },
    async ({ event }) => {
      facts.push(event);
      wake();
    },
  );
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, 100);
      wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  };
  return { facts, until, stop: () => following.stop() };
}

async function storeInstances(folder: string, count: number, of: InstanceOptions & { facility?: string }): Promise<Delivery[]> {
  const store = memoryStore();
  const deliveries = Array.from({ length: count }, () => newDelivery(store, of));
  for (const [key, bytes] of store.objects) {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), bytes);
  }
  return deliveries.map(({ dataSet: _, ...delivery }) => ({ ...delivery, facility: of.facility }));
}

async function publishDue(bus: Bus, delivery: Delivery, ageMs: number): Promise<void> {
  const { id, destination, facility, instance } = delivery;
  const due = { ...dueOf(delivery), occurredAt: new Date(Date.now() - ageMs).toISOString() };
  await bus.publish(due, {
    subject: deliverySubject(destination, instance.lane, facility),
    messageId: `${id}.${Math.random()}`,
  });
}
