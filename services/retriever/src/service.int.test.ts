// The retriever as a process, on a real nats-server: a kill in the middle of a study costs a retry and no instance.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { makeInstance } from '@causeway/shared/dicomweb/instances-for-tests';
import { type DeliveryDue, deliveryDue } from '@causeway/shared/events/delivery';
import { type FactOf, fact } from '@causeway/shared/events/facts';
import { retrievalSubject } from '@causeway/shared/events/flow';
import { dueRetrieval, type SandboxProcess, SILENT, startSandboxProcess } from './retriever-for-tests.ts';

const studyOf = (study: string) =>
  Array.from({ length: 12 }, (_, number) =>
    makeInstance({ study, series: `${study}.1`, instance: `${study}.1.${number}`, pixelBytes: 20_000 }),
  );
const [first, second] = ['1.2.44', '1.2.45'];
const instances = studyOf(first);
const MAIN = new URL('./main.ts', import.meta.url).pathname;

let nats: NatsServer;
let sandbox: SandboxProcess;
let bus: Bus;
let folder: string;
let retriever: ChildProcess;
const deliveries: DeliveryDue[] = [];
const changed: FactOf<'ledger.retrieval.changed'>[] = [];
const consumptions: Consumption[] = [];
let wake: () => void = () => undefined;

const noBody = async (failure: { error: Error }) => {
  throw failure.error;
};

before(async () => {
  nats = await startNatsServer();
  sandbox = await startSandboxProcess();
  await sandbox.store(instances);
  await sandbox.store(studyOf(second));
  folder = await mkdtemp(join(tmpdir(), 'retriever-service-'));
  bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 1e9 }, log: SILENT });
  const plan = { concurrency: 4, onPermanent: noBody };
  const facts = await bus.consume({ ...plan, stream: 'FACTS', name: 'test-facts', filter: 'ledger.>', schema: fact }, async ({ event }) => {
    if (event.type === 'ledger.retrieval.changed') changed.push(event);
    wake();
  });
  const due = await bus.consume(
    { ...plan, stream: 'DELIVERIES', name: 'test-deliveries', filter: 'delivery.due.>', schema: deliveryDue },
    async ({ event }) => {
      deliveries.push(event);
      wake();
    },
  );
  consumptions.push(facts, due);
  await publishGatewayDocument(bus, 5, {
    destinations: [{ id: 'viewer', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'VIEWER' }],
    retrieval: { sources: [{ id: 'archive', url: sandbox.url }] },
  });
  start();
});

after(async () => {
  await kill('SIGKILL');
  for (const consumption of consumptions) await consumption.stop();
  await bus.close();
  await sandbox.stop();
  await nats.stop();
  await rm(folder, { recursive: true });
});

function start(): void {
  const env = { ...process.env, CAUSEWAY_NATS_URL: nats.url, CAUSEWAY_OBJECT_STORE: `folder:${folder}`, CAUSEWAY_LOG_LEVEL: 'error' };
  retriever = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'inherit', 'inherit'] });
}

async function kill(signal: NodeJS.Signals): Promise<number | null> {
  if (retriever.exitCode !== null || retriever.signalCode !== null) return retriever.exitCode;
  const ended = new Promise<number | null>((resolve) => retriever.once('exit', resolve));
  retriever.kill(signal);
  return ended;
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise<void>((resolve) => (wake = resolve));
}

async function request(study: string): Promise<string> {
  const due = dueRetrieval(study);
  await bus.publish(due, { subject: retrievalSubject('archive'), messageId: due.id });
  return due.retrieval.id;
}

const deliveredOf = (id: string) => deliveries.filter(({ delivery }) => delivery.retrievalId === id);
const ended = (id: string) => changed.find(({ retrieval, state }) => retrieval.id === id && state !== 'fetching');

describe('the retriever as a process', () => {
  it('finishes a study after kill -9 in the middle of it: every instance, under one delivery id each, and nothing whole is fetched again', async () => {
    await sandbox.order({ mode: 'slow', target: 'wado', bytesPerSecond: 150_000 });
    const id = await request(first);
    await until(() => deliveredOf(id).length >= 4);
    await kill('SIGKILL');
    await sandbox.order(undefined);
    start();
    await until(() => ended(id) !== undefined);
    await until(() => new Set(deliveredOf(id).map(({ delivery }) => delivery.id)).size === instances.length);
    const { state, fetched, fromCache } = ended(id)!;
    assert.equal(state, 'done');
    assert.equal(fetched + fromCache, instances.length);
    assert.ok(fromCache >= 4 && fetched >= 1, `${fromCache} from the cache, ${fetched} fetched`);
    const digestOf = new Map(instances.map(({ sopInstanceUid, digest }) => [sopInstanceUid, digest]));
    for (const { delivery } of deliveredOf(id)) assert.equal(delivery.instance.digest, digestOf.get(delivery.instance.sopInstanceUid));
  });

  it('gives a study back on SIGTERM, ends with 0, and another process finishes it', async () => {
    await sandbox.order({ mode: 'slow', target: 'wado', bytesPerSecond: 50_000 });
    const id = await request(second);
    await until(() => deliveredOf(id).length >= 1);
    assert.equal(await kill('SIGTERM'), 0);
    await sandbox.order(undefined);
    start();
    await until(() => ended(id) !== undefined);
    assert.equal(ended(id)?.state, 'done');
    assert.equal(new Set(deliveredOf(id).map(({ delivery }) => delivery.id)).size, instances.length);
  });

  it('takes a changed document without restart: a source that left it fails what is due from it', async () => {
    await publishGatewayDocument(bus, 6, {
      destinations: [{ id: 'viewer', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'VIEWER' }],
    });
    let last = '';
    // The new revision reaches the process at its own time: what was asked for before that is served as before.
    do {
      last = await request(first);
      await until(() => ended(last) !== undefined);
    } while (ended(last)?.state === 'done');
    assert.match(ended(last)?.reason ?? '', /no source archive/);
  });
});
