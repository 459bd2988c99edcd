// The router as a process, on a real nats-server: every ready instance leads to its deliveries and its fact, also over a kill.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newReceiptId } from '@causeway/shared/brands';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { deliveryDue } from '@causeway/shared/events/delivery';
import { type FactOf, fact } from '@causeway/shared/events/facts';
import { readySubject } from '@causeway/shared/events/flow';
import { type InstanceReady, lanes } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { association, readyInstance } from './ready-instance-for-tests.ts';

const SOURCE = {
  facilities: [
    { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] },
    { id: 'ms44', model: 'endpoint', rules: [{ hub: 'hub', value: 'MS44' }], destinations: ['ms44-pacs'] },
  ],
  destinations: ['cloud', 'ms44-pacs'].map((id) => ({ id, kind: 'stow', url: `http://${id}/dicom-web` })),
};

describe('the router on nats-server', () => {
  let server: NatsServer;
  let bus: Bus;
  let folder: string;
  let router: ChildProcess | undefined;
  const consumptions: Consumption[] = [];
  const due = new Set<string>();
  const routed = new Map<string, FactOf<'ledger.instance.routed'>>();
  let changed = Promise.withResolvers<void>();

  const startRouter = () =>
    spawn(process.execPath, [new URL('main.ts', import.meta.url).pathname], {
      env: {
        PATH: process.env.PATH,
        CAUSEWAY_NATS_URL: server.url,
        CAUSEWAY_OBJECT_STORE: `folder:${folder}`,
        CAUSEWAY_LOG_LEVEL: 'error',
        CAUSEWAY_STREAM_BYTES: '100000000',
      },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  const end = async (signal: NodeJS.Signals) => {
    const ended = new Promise<number | null>((resolve) => router?.once('exit', resolve));
    router?.kill(signal);
    return await ended;
  };
  const until = async (holds: () => boolean) => {
    while (!holds()) await changed.promise;
  };
  const noteChange = () => {
    changed.resolve();
    changed = Promise.withResolvers<void>();
  };
  const publish = (event: InstanceReady) =>
    bus.publish(event, { subject: readySubject(event.instance.lane), messageId: `${event.instance.receiptId}.ready.${event.generation}` });

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'causeway-router-'));
    server = await startNatsServer();
    bus = await connectBus({ name: 'test', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log: createLogger('test', 'error') });
    const onPermanent = async ({ error }: { error: Error }) => assert.fail(error);
    const deliveries = await bus.consume(
      { stream: 'DELIVERIES', name: 'test-due', filter: 'delivery.due.>', schema: deliveryDue, concurrency: 16, onPermanent },
      async ({ event }) => {
        due.add(event.delivery.id);
        noteChange();
      },
    );
    const facts = await bus.consume(
      { stream: 'FACTS', name: 'test-facts', filter: 'ledger.>', schema: fact, concurrency: 16, onPermanent },
      async ({ event }) => {
        if (event.type === 'ledger.instance.routed') routed.set(event.instance.receiptId, event);
        noteChange();
      },
    );
    consumptions.push(deliveries, facts);
    await publishGatewayDocument(bus, 3, SOURCE);
    router = startRouter();
  });
  after(async () => {
    if (router?.exitCode === null && router.signalCode === null) await end('SIGKILL');
    await Promise.all(consumptions.map((consumption) => consumption.stop()));
    await bus?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('routes an instance of each lane to the hub and to its endpoint', async () => {
    const events = lanes.map((lane) => readyInstance({ lane, attributes: { InstitutionName: 'MS44' } }));
    await Promise.all(events.map(publish));
    await until(() => events.every(({ instance }) => routed.has(instance.receiptId)));
    for (const { instance } of events) {
      assert.deepEqual(
        routed.get(instance.receiptId)?.deliveries.map(({ id }) => id),
        [`${instance.receiptId}.cloud`, `${instance.receiptId}.ms44-pacs`],
      );
      assert.equal(routed.get(instance.receiptId)?.revision, 3);
    }
    await until(() => events.every(({ instance }) => due.has(`${instance.receiptId}.cloud`) && due.has(`${instance.receiptId}.ms44-pacs`)));
  });

  it('routes by a changed document without a restart', async () => {
    const event = () => readyInstance({ attributes: { InstitutionName: 'MS45' }, studyInstanceUid: '4.5' });
    const [first, second] = [event(), event()];
    await publish(first);
    await until(() => routed.has(first.instance.receiptId));
    assert.equal(routed.get(first.instance.receiptId)?.held?.reason, 'unmatched');
    const ms45 = { id: 'ms45', model: 'endpoint', rules: [{ hub: 'hub', value: 'MS45' }], destinations: ['ms44-pacs'] };
    await publishGatewayDocument(bus, 4, { ...SOURCE, facilities: [...SOURCE.facilities, ms45] });
    // The change travels beside the instances: the fact says by which revision it was routed.
    let at = second;
    for (;;) {
      await publish(at);
      const { receiptId } = at.instance;
      await until(() => routed.has(receiptId));
      if (routed.get(receiptId)?.revision === 4) break;
      at = event();
    }
    assert.deepEqual(
      routed.get(at.instance.receiptId)?.facilities.map(({ id }) => id),
      ['hub', 'ms45'],
    );
  });

  it('tells an instance that it can never route as quarantined, and goes on', async () => {
    const missing = readyInstance({ attributes: {} });
    const quarantined = Promise.withResolvers<FactOf<'ledger.instance.quarantined'>>();
    const watch = await bus.consume(
      {
        stream: 'FACTS',
        name: 'test-quarantined',
        filter: 'ledger.instance.quarantined',
        schema: fact,
        concurrency: 1,
        onPermanent: async () => {},
      },
      async ({ event }) => {
        if (event.type === 'ledger.instance.quarantined') quarantined.resolve(event);
      },
    );
    await publish(missing);
    const told = await quarantined.promise;
    assert.deepEqual([told.instance.receiptId, told.step], [missing.instance.receiptId, 'route']);
    await watch.stop();
  });

  // What the killed process had in hand comes back when the wait for its acknowledgement is over, 30 s.
  it('loses nothing when it is killed in the middle of 400 instances', async () => {
    const events = Array.from({ length: 400 }, (_, n) =>
      readyInstance({
        receiptId: newReceiptId(),
        lane: lanes[n % 3],
        association: n % 5 === 0 ? { ...association, calledAe: 'OTHER' } : association,
        attributes: { InstitutionName: 'MS44' },
      }),
    );
    const before = routed.size;
    const published = Promise.all(events.map(publish));
    await until(() => routed.size > before + 20);
    await end('SIGKILL');
    router = startRouter();
    await published;
    const complete = ({ instance: { receiptId } }: InstanceReady): boolean => {
      const told = routed.get(receiptId);
      return told?.deliveries.every(({ id }) => due.has(id)) ?? false;
    };
    await until(() => events.every(complete));
    assert.equal(events.filter(({ instance }) => routed.get(instance.receiptId)?.held?.reason === 'no-facility').length, 80);
  });

  it('ends with 0 on SIGTERM, and leaves nothing unacknowledged', async () => {
    assert.equal(await end('SIGTERM'), 0);
    assert.equal(await bus.queued('READY', 'instance.ready.>'), 0);
  });
});
