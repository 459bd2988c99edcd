// The service as a process, on a real nats-server and the folder store: from a received instance to a ready one, and a drain on SIGTERM.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { defaultGatewayDocument } from '@causeway/shared/config/gateway-document';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type Fact, fact } from '@causeway/shared/events/facts';
import { receivedSubject } from '@causeway/shared/events/flow';
import { type Instance, type InstanceReady, instanceReady } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { grey, seededFrame } from './seeded-frames.ts';
import { dataSet, pixelModule, receivedObject } from './synthetic-object.ts';

/** What a consumer got, waited for by what it is. */
class Arrivals<T> {
  readonly #got: T[] = [];
  #arrived = Promise.withResolvers<void>();

  add(one: T): void {
    this.#got.push(one);
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers<void>();
  }

  async find(isIt: (one: T) => boolean): Promise<T> {
    for (;;) {
      const found = this.#got.find(isIt);
      if (found !== undefined) return found;
      await this.#arrived.promise;
    }
  }
}

describe('compressor process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-compressor-'));
  const ready = new Arrivals<InstanceReady>();
  const facts = new Arrivals<Fact>();
  let server: NatsServer;
  let bus: Bus;
  let store: Awaited<ReturnType<typeof openFolderStore>>;
  let service: ChildProcess;
  const consumptions: Consumption[] = [];

  before(async () => {
    server = await startNatsServer();
    bus = await connectBus({ name: 'test', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log: createLogger('test', 'error') });
    store = await openFolderStore(folder);
    const plan = { name: 'test', concurrency: 4, onPermanent: async () => {} };
    consumptions.push(
      await bus.consume({ ...plan, stream: 'READY', filter: 'instance.ready.>', schema: instanceReady }, async ({ event }) =>
        ready.add(event),
      ),
    );
    consumptions.push(
      await bus.consume({ ...plan, stream: 'FACTS', filter: 'ledger.>', schema: fact }, async ({ event }) => facts.add(event)),
    );
    await publishGatewayDocument(bus, 5, defaultGatewayDocument('http://127.0.0.1:9/dicom-web'));
    const environment = { CAUSEWAY_NATS_URL: server.url, CAUSEWAY_OBJECT_STORE: `folder:${folder}`, CAUSEWAY_LOG_LEVEL: 'error' };
    service = spawn(process.execPath, [join(import.meta.dirname, 'main.ts')], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  });
  after(async () => {
    service.kill('SIGKILL');
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    await bus.close();
    await store.close();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  async function receive(data: Buffer, over: Partial<Instance> = {}): Promise<Instance> {
    const { bytes, instance } = receivedObject(data, over);
    const upload = store.create(instance.objectKey);
    await upload.write(bytes);
    await upload.commit();
    const event = { ...newEnvelope(0, 'main'), type: 'instance.received', instance };
    await bus.publish(event, { subject: receivedSubject(instance.lane, 'main'), messageId: instance.receiptId });
    return instance;
  }

  it('compresses an instance of each lane, publishes it as ready, and tells the ledger', async () => {
    const format = grey({ bitsStored: 12 });
    const data = dataSet({ elements: pixelModule(format), pixels: seededFrame(format, { seed: 1, noise: 0.02 }) });
    const sent = [await receive(data, { lane: 'prior' }), await receive(data, { lane: 'routine' }), await receive(data, { lane: 'stat' })];
    for (const instance of sent) {
      const event = await ready.find(({ instance: { receiptId } }) => receiptId === instance.receiptId);
      assert.equal(event.compression.outcome, 'compressed', event.compression.reason);
      assert.equal(event.compression.revision, 5);
      const { size } = (await store.stat(event.compression.object!.objectKey))!;
      assert.equal(size, event.compression.object!.size);
      await facts.find((told) => told.type === 'ledger.instance.ready' && told.instance.receiptId === instance.receiptId);
    }
    await untilNone(() => bus.queued('RECEIVED', 'instance.received.>'));
  });

  it('quarantines an instance whose object is gone, and acknowledges it', async () => {
    const { instance } = receivedObject(dataSet({ elements: [] }));
    const event = { ...newEnvelope(0), type: 'instance.received', instance };
    await bus.publish(event, { subject: receivedSubject('routine'), messageId: instance.receiptId });
    const told = await facts.find(({ type }) => type === 'ledger.instance.quarantined');
    assert.ok(told.type === 'ledger.instance.quarantined' && told.instance.receiptId === instance.receiptId);
    await untilNone(() => bus.queued('RECEIVED', 'instance.received.routine.>'));
  });

  it('ends with 0 on SIGTERM', async () => {
    const ended = once(service, 'exit');
    service.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});

async function untilNone(count: () => Promise<number>): Promise<void> {
  while ((await count()) > 0) await new Promise<void>((resolve) => setImmediate(resolve));
}
