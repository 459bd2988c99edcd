// Invariant 10: marked names and identifiers go through everything that can happen to an instance; then every output is searched for the mark.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { arrivalsAt, untilArrived } from './arrivals.ts';
import {
  CANARY,
  type CanaryInstance,
  CT_IMAGE_STORAGE,
  canaryInstance,
  EXPLICIT_LITTLE,
  INSTITUTION,
  PATIENT_NAME,
} from './canary-instances.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { startTraceCollector, type TraceCollector } from './trace-collector.ts';
import { until } from './wait-for-fact.ts';

/** Data plane: objects, what JetStream keeps (encrypted), the ledger, and the archive itself. */
const DATA_PLANE = ['objects', 'nats', 'postgres', 'sandbox'];

let gateway: GatewayUnderTest;
let client: ConsoleClient;
let collector: TraceCollector;
/** What senders were told: statuses and Error Comments. */
const answers: string[] = [];

before(async () => {
  collector = await startTraceCollector();
  const sandboxPort = await freePort();
  gateway = await startGateway({
    config: documentFor(sandboxPort),
    env: {
      CAUSEWAY_SANDBOX_PORT: String(sandboxPort),
      CAUSEWAY_SANDBOX_FAULTS: '1',
      // Whatever somebody may switch on to look for a fault.
      CAUSEWAY_LOG_LEVEL: 'trace',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    },
  });
  client = await signIn(gateway.pageUrl, gateway.firstPassword());
});
after(async () => {
  await gateway?.stop();
  collector?.stop();
});

function documentFor(sandboxPort: number) {
  const retry = { first: '200ms', factor: 1, max: '1s' };
  return {
    gateway: { calledAeTitles: ['GATEWAY', 'NOWHERE'] },
    facilities: [
      { id: 'main', match: [{ calledAe: 'GATEWAY' }], destinations: ['sandbox'] },
      { id: 'hub', model: 'hub', match: [{ calledAe: 'HUB' }], destinations: ['sandbox'], mappingTag: 'InstitutionName' },
      {
        id: 'site',
        model: 'endpoint',
        match: [{ calledAe: 'SITE' }],
        destinations: ['sandbox'],
        rules: [{ hub: 'hub', match: 'exact', value: 'X' }],
      },
    ],
    destinations: [{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'compressed', retry }],
    retrieval: { sources: [{ id: 'archive', url: `http://127.0.0.1:${sandboxPort}/dicom-web` }] },
    // biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
    compression: [{ when: {}, then: { syntax: 'htj2k-lossless' } }],
  };
}

/** One C-STORE over an association of its own; the status. `sopInstanceUid`: what the command says. */
async function store(instance: CanaryInstance, { calledAe = 'GATEWAY', sopInstanceUid = instance.sopInstanceUid } = {}): Promise<number> {
  const association = await associate({
    ...{ host: '127.0.0.1', port: gateway.ports.dicom, callingAe: 'CANARY', calledAe },
    contexts: [{ id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: [EXPLICIT_LITTLE] }],
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    timeouts: { connectMs: 10_000, associateMs: 10_000, responseMs: 60_000 },
  });
  const dataSet = (async function* () {
    yield instance.dataSet;
  })();
  const answer = await association.store({ contextId: 1, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid, dataSet });
  await association.release();
  answers.push(JSON.stringify({ calledAe, ...answer }));
  return answer.status;
}

async function orderFault(fault: object): Promise<void> {
  const url = gateway.sandboxUrl.replace(/\/dicom-web$/, '/sandbox/faults');
  const { ok } = await fetch(url, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(fault) });
  assert.ok(ok);
}

async function clearFaults(): Promise<void> {
  await fetch(gateway.sandboxUrl.replace(/\/dicom-web$/, '/sandbox/faults'), { method: 'DELETE' });
}

interface Delivery {
  readonly id: string;
  readonly sopInstanceUid: string;
  readonly attempts: number;
}

const deliveryIn = (state: string, { sopInstanceUid }: CanaryInstance): Promise<Delivery> =>
  until(`a ${state} delivery`, async () => {
    const { deliveries } = await client.get<{ deliveries: Delivery[] }>(`/api/deliveries?state=${state}&limit=100`);
    return deliveries.find((one) => one.sopInstanceUid === sopInstanceUid);
  });

describe('marked instances', () => {
  it('arrive, and are found by their mark on the page and in the store: the search can find', async () => {
    const [image, odd] = [canaryInstance(), canaryInstance({ pixelBytes: 100 })];
    assert.deepEqual([await store(image), await store(odd)], [0, 0]);
    await untilArrived(gateway.sandboxUrl, [image.sopInstanceUid, odd.sopInstanceUid]);
    await deliveryIn('confirmed', image);
    const { studies } = await client.get<{ studies: { patientName: string; institutionName: string }[] }>(
      `/api/studies?search=${encodeURIComponent('CANARYNAME')}`,
    );
    assert.equal(studies.length, 2);
    assert.deepEqual([studies[0]!.patientName, studies[0]!.institutionName], [PATIENT_NAME, INSTITUTION]);
    assert.ok((await filesWithMark(join(gateway.dataFolder, 'objects'))).length >= 2);
  });

  it('are refused when they are not what the command says, or cannot be read', async () => {
    const image = canaryInstance();
    assert.equal(await store(image, { sopInstanceUid: '2.25.1' }), 0xa900);
    assert.notEqual(await store(image, { sopInstanceUid: 'CANARYUID-ZQX7KV' }), 0);
    const cut = { ...image, dataSet: image.dataSet.subarray(0, image.dataSet.length - 100) };
    assert.equal(await store(cut), 0xc000);
    const nonsense = Buffer.concat([image.dataSet.subarray(0, 400), Buffer.from('CANARYTRASH ZQX7KV CANARYTRASH ZQX7KV')]);
    assert.equal(await store({ ...image, dataSet: nonsense }), 0xc000);
    await assert.rejects(store(image, { calledAe: 'CANARYTITLE' }));
  });

  it('are tried again while the archive fails in many ways, and arrive', async () => {
    for (const fault of [
      { mode: 'status', status: 503, times: 2 },
      { mode: 'status', status: 409, times: 1 },
      { mode: 'cut', afterBytes: 300, times: 1 },
      { mode: 'cut', times: 1 },
      { mode: 'bare-200', store: false, times: 1 },
      { mode: 'refuse-instance', reason: 0x0110, times: 1 },
    ]) {
      const image = canaryInstance();
      await orderFault(fault);
      assert.equal(await store(image), 0);
      await untilArrived(gateway.sandboxUrl, [image.sopInstanceUid]);
    }
    await clearFaults();
  });

  it('are parked when the archive refuses them for good, and retried on request', async () => {
    const image = canaryInstance();
    await orderFault({ mode: 'refuse-instance', reason: 0x0122 });
    assert.equal(await store(image), 0);
    const { id } = await deliveryIn('failed', image);
    await clearFaults();
    assert.equal((await client.send('POST', `/api/deliveries/${id}/retry`)).status, 200);
    await untilArrived(gateway.sandboxUrl, [image.sopInstanceUid]);
  });

  it('whose object is gone are shown as failed', async () => {
    const image = canaryInstance();
    await orderFault({ mode: 'status', status: 503 });
    assert.equal(await store(image), 0);
    await deliveryIn('retrying', image);
    for (const folder of ['received', 'derived']) await removeObjectsOf(join(gateway.dataFolder, 'objects', folder), image);
    await clearFaults();
    await deliveryIn('failed', image);
  });

  it('are held without a facility, and at a hub, and assigned', async () => {
    const [nowhere, unmatched] = [canaryInstance(), canaryInstance()];
    assert.deepEqual([await store(nowhere, { calledAe: 'NOWHERE' }), await store(unmatched, { calledAe: 'HUB' })], [0, 0]);
    const waiting = await until('two held studies', async () => {
      const held = (await client.get<{ waiting: { receiptIds: string[] }[] }>('/api/held')).waiting;
      return held.length === 2 && held;
    });
    const receiptIds = waiting.flatMap((group) => group.receiptIds);
    assert.equal((await client.send('POST', '/api/held/assign', { receiptIds, facilities: ['main'] })).status, 200);
    await untilArrived(gateway.sandboxUrl, [nowhere.sopInstanceUid, unmatched.sopInstanceUid]);
    assert.equal((await client.send('PUT', '/api/configuration', { document: { facilities: [{ id: INSTITUTION }] } })).status, 422);
  });
});

describe('marked studies', () => {
  it('are retrieved from an archive that first fails, and delivered', async () => {
    const image = canaryInstance();
    assert.equal(await store(image), 0);
    await deliveryIn('confirmed', image);
    const before = await arrivedTimes(image);
    await orderFault({ mode: 'cut', afterBytes: 100, target: 'wado', times: 1 });
    const order = { source: 'archive', studyInstanceUid: image.studyInstanceUid, destinations: ['sandbox'] };
    const { status, body } = await client.send<{ id: string }>('POST', '/api/retrievals', order);
    assert.equal(status, 202, JSON.stringify(body));
    await until('the study is retrieved', async () => (await client.get<{ state: string }>(`/api/retrievals/${body.id}`)).state === 'done');
    await until('it arrived once more', async () => (await arrivedTimes(image)) > before);
    await clearFaults();
  });

  const arrivedTimes = async ({ sopInstanceUid }: CanaryInstance): Promise<number> =>
    (await arrivalsAt(gateway.sandboxUrl)).filter((one) => one.sopInstanceUid === sopInstanceUid).length;
});

describe('the mark is in', () => {
  const has = (text: string): boolean => CANARY.test(text);

  it('no log file, and nothing that the supervisor said', async () => {
    const folder = join(gateway.dataFolder, 'log');
    const names = await readdir(folder);
    assert.ok(names.length >= 10, names.join());
    let lines = 0;
    for (const name of names) {
      const text = readFileSync(join(folder, name), 'utf8');
      lines += text.split('\n').length;
      assert.deepEqual(text.split('\n').filter(has), [], name);
    }
    assert.match(readFileSync(join(folder, 'receiver.log'), 'utf8'), /"level":"debug"/, 'the logs are not at level trace');
    console.log(`${names.length} log files, ${lines} lines at level trace`);
    assert.deepEqual(gateway.output().split('\n').filter(has), []);
  });

  it('no metric and no health page', async () => {
    const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
    const ops = Object.entries(ports).filter(([name]) => name.startsWith('ops-'));
    assert.equal(ops.length, 7);
    for (const [name, port] of ops)
      for (const page of ['/metrics', '/health/ready', '/health/live']) {
        const answer = await fetch(`http://127.0.0.1:${port}${page}`);
        const text = await answer.text();
        assert.equal(answer.status, 200, `${name}${page}: ${text}`);
        assert.deepEqual(text.split('\n').filter(has), [], `${name}${page}`);
        if (page === '/metrics') assert.match(text, /process_memory_usage/);
      }
    for (const url of [
      `${gateway.pageUrl}/health/ready`,
      `http://127.0.0.1:${gateway.ports.sandbox}/health/ready`,
      `http://127.0.0.1:${ports.natsMonitor}/jsz?streams=1&consumers=1&config=1`,
    ])
      assert.equal(has(await (await fetch(url)).text()), false, url);
  });

  it('no answer to a sender', () => {
    assert.ok(answers.length >= 15);
    console.log([...new Set(answers.filter((answer) => /comment/.test(answer)))].join('\n'));
    assert.deepEqual(answers.filter(has), []);
  });

  it('no subject, no name of a stream, consumer or key', async () => {
    const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
    const pass = readFileSync(join(gateway.dataFolder, 'secrets', 'nats-password'), 'utf8').trim();
    const nats = await connect({ servers: `127.0.0.1:${ports.nats}`, user: 'causeway', pass });
    try {
      const names: string[] = [];
      const manager = await jetstreamManager(nats);
      for await (const { config } of manager.streams.list()) {
        const { state } = await manager.streams.info(config.name, { subjects_filter: '>' });
        names.push(config.name, ...Object.keys(state.subjects ?? {}));
        for await (const consumer of manager.consumers.list(config.name)) names.push(consumer.name, String(consumer.config.filter_subject));
      }
      console.log(`${names.length} names of streams, subjects, keys and consumers`);
      assert.ok(names.some((name) => name.startsWith('$KV.delivered.')) && names.includes('ledger.delivery.confirmed'), names.join('\n'));
      assert.deepEqual(names.filter(has), []);
    } finally {
      await nats.close();
    }
  });

  it('no name of a file, no file outside the data plane, and, for it is encrypted, no file of JetStream', async () => {
    const entries = await readdir(gateway.dataFolder, { recursive: true, withFileTypes: true });
    const files = entries.map((entry) => relative(gateway.dataFolder, join(entry.parentPath, entry.name)));
    assert.ok(files.length > 100);
    assert.deepEqual(files.filter(has), []);
    for (const name of await readdir(gateway.dataFolder)) {
      if (DATA_PLANE.includes(name) && name !== 'nats') continue;
      assert.deepEqual(await filesWithMark(join(gateway.dataFolder, name)), [], name);
    }
  });

  it('no span; and one trace goes from the C-STORE over compressor and router to the upload', async () => {
    const services = ['receiver', 'compressor', 'router', 'uploader'].map((name) => `causeway-${name}`);
    const arrived = (await arrivalsAt(gateway.sandboxUrl)).length;
    const whole = await until(`${arrived} traces over all services`, () => {
      const traces = Map.groupBy(collector.spans, ({ traceId }) => traceId);
      const complete = [...traces.values()].filter((spans) => services.every((service) => spans.some((span) => span.service === service)));
      return complete.length >= 10 && complete;
    });
    const [example] = whole;
    console.log(`${collector.spans.length} spans, ${whole.length} traces over all four services, e.g.`);
    for (const { service, name, attributes } of example!) console.log(`  ${service}: ${name} ${JSON.stringify(attributes)}`);
    for (const name of [
      'C-STORE',
      'object_store commit',
      'process RECEIVED',
      'compress',
      'process READY',
      'process DELIVERIES',
      'deliver',
      'POST /studies',
    ])
      assert.ok(
        example!.some((span) => span.name === name),
        name,
      );
    assert.deepEqual(collector.bodies.map((body) => body.toString('utf8')).filter(has), []);
  });
});

async function filesWithMark(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const text = await readFile(path, 'latin1').catch(() => '');
    if (CANARY.test(text)) found.push(path);
  }
  return found;
}

/** Removes the objects that hold this instance. */
async function removeObjectsOf(folder: string, { sopInstanceUid }: CanaryInstance): Promise<void> {
  for (const path of await filesWithMark(folder)) if ((await readFile(path, 'latin1')).includes(sopInstanceUid)) await rm(path);
}
