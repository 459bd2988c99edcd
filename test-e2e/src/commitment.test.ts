// Storage commitment with dcmjs-dimse as the modality and two receivers on the port: on the same and on a new association, over kills of receiver and ledger, with what is missing,
// of another class, repeated, late, or from nobody the gateway knows.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import type { SopReference } from '@causeway/shared/dicom/storage-commitment/push-model';
import { type HeardResult, listenForResults, requestCommitment } from './commitment-peer.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { storeByDcmjs } from './dcmjs-peer.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { lastingPort } from './lasting-port.ts';
import { freeze } from './process-tree.ts';
import { makeSyntheticFiles } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const MPPS = '1.2.840.10008.3.1.2.3.3';

interface ShownCommitment {
  readonly transactionUid: string;
  readonly callingAe: string;
  readonly state: string;
  readonly committed: number | null;
  readonly failed: number | null;
  readonly reason: string | null;
}

let scratch: string;
let gateway: GatewayUnderTest;
let client: ConsoleClient;
/** Where the modalities CUSTODY, DELIVERED and SHORT listen. */
let ports: Record<string, number>;
let seed = 0;
let transaction = 0;

const configuration = (sandboxPort: number, archive = `http://127.0.0.1:${sandboxPort}/dicom-web`) => ({
  facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
  destinations: [{ id: 'sandbox', kind: 'stow', url: archive, retry: { first: '1s', max: '2s' } }],
  commitment: [
    { callingAe: 'CUSTODY', host: '127.0.0.1', port: ports.CUSTODY, after: 'custody' },
    { callingAe: 'DELIVERED', host: '127.0.0.1', port: ports.DELIVERED, after: 'delivered' },
    { callingAe: 'SHORT', host: '127.0.0.1', port: ports.SHORT, after: 'delivered', deadline: '3s' },
  ],
});

let sandboxPort: number;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'causeway-commitment-'));
  ports = { CUSTODY: await lastingPort(), DELIVERED: await lastingPort(), SHORT: await lastingPort() };
  sandboxPort = await freePort();
  gateway = await startGateway({
    config: configuration(sandboxPort),
    env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort), CAUSEWAY_RECEIVERS: '2' },
  });
  client = await signIn(gateway.pageUrl, gateway.firstPassword());
});
after(async () => {
  await gateway?.stop();
  await rm(scratch, { recursive: true, force: true });
});

const receivers = (): string[] => [...gateway.pids().keys()].filter((name) => name.startsWith('receiver'));
const newTransaction = (): string => `1.2.826.0.1.3680043.99.7.${process.pid}.${++transaction}`;

async function storeInstances(count: number): Promise<SopReference[]> {
  const files = await makeSyntheticFiles(scratch, { studies: 1, instances: count, seed: ++seed, rows: 16, columns: 16 });
  for (const { path } of files) assert.equal(await storeByDcmjs(gateway.ports.dicom, path), 0);
  return files.map(({ sopInstanceUid }) => ({ sopClassUid: CT, sopInstanceUid }));
}

const uidsOf = (references: readonly SopReference[]): string[] => references.map(({ sopInstanceUid }) => sopInstanceUid);
/** Without `lingerMs` it is decided only once the association is over: else it might be answered on it. */
async function ask(callingAe: string, references: readonly SopReference[], more: { transactionUid?: string; lingerMs?: number } = {}) {
  const thaw = more.lingerMs === undefined ? freeze(gateway.pids().get('ledger')!) : () => {};
  return await requestCommitment({
    ...{ port: gateway.ports.dicom, callingAe, references, transactionUid: newTransaction() },
    ...more,
  }).finally(thaw);
}

const untilShown = (transactionUid: string, state: string): Promise<ShownCommitment> =>
  until(`the commitment is shown as ${state}`, async () => {
    const { commitments } = await client.get<{ commitments: ShownCommitment[] }>('/api/commitments');
    return commitments.find((one) => one.transactionUid === transactionUid && one.state === state);
  });

async function heardOn(port: number, count: number, work: () => Promise<unknown>): Promise<HeardResult[]> {
  const listener = listenForResults(port);
  try {
    await work();
    await until(`${count} results heard`, () => listener.results.length >= count);
    return listener.results;
  } finally {
    listener.close();
  }
}

describe('storage commitment', () => {
  it('after custody: the result comes on the same association while that is open', async () => {
    const references = await storeInstances(3);
    const transactionUid = newTransaction();
    const { status, results } = await ask('CUSTODY', references, { transactionUid, lingerMs: 10_000 });
    assert.equal(status, 0);
    assert.deepEqual(results, [{ eventTypeId: 1, transactionUid, committed: uidsOf(references), failed: {} }]);
    const { committed, failed } = await untilShown(transactionUid, 'reported');
    assert.deepEqual([committed, failed], [3, 0]);
  });

  it('after delivery: the result comes on a new association, from the AE title that was called, once the archive has everything', async () => {
    const references = await storeInstances(2);
    const transactionUid = newTransaction();
    const [result] = await heardOn(ports.DELIVERED!, 1, () => ask('DELIVERED', references, { transactionUid }));
    assert.deepEqual(result, { eventTypeId: 1, transactionUid, committed: uidsOf(references), failed: {}, callingAe: 'GATEWAY' });
    await untilShown(transactionUid, 'reported');
  });

  it('what was never received, is of another class, or of a class that is no storage fails with its reason; the rest is committed', async () => {
    const [known, conflict] = await storeInstances(2);
    const references = [
      known!,
      { sopClassUid: MR, sopInstanceUid: conflict!.sopInstanceUid },
      { sopClassUid: CT, sopInstanceUid: '1.2.3.4.5' },
      { sopClassUid: MPPS, sopInstanceUid: '1.2.3.4.6' },
    ];
    const transactionUid = newTransaction();
    const [result] = await heardOn(ports.CUSTODY!, 1, () => ask('CUSTODY', references, { transactionUid }));
    const failed = { [conflict!.sopInstanceUid]: '0119', '1.2.3.4.5': '0112', '1.2.3.4.6': '0122' };
    assert.deepEqual(result, { eventTypeId: 2, transactionUid, committed: [known!.sopInstanceUid], failed, callingAe: 'GATEWAY' });
  });

  it('a request and its result survive kill -9 of receiver and ledger in between, and a modality that is away for a while', async () => {
    const references = await storeInstances(2);
    const transactionUid = newTransaction();
    const { status, results } = await ask('CUSTODY', references, { transactionUid });
    assert.deepEqual([status, results], [0, []]);
    await Promise.all([...receivers(), 'ledger'].map((service) => gateway.killService(service)));
    await untilShown(transactionUid, 'decided');
    await Promise.all(receivers().map((service) => gateway.killService(service)));
    const [result] = await heardOn(ports.CUSTODY!, 1, async () => {});
    assert.deepEqual(result!.committed, uidsOf(references));
    await untilShown(transactionUid, 'reported');
    await gateway.untilReady();
  });

  it('a request that comes while PostgreSQL is away is answered when it is back', async () => {
    const references = await storeInstances(1);
    const transactionUid = newTransaction();
    await gateway.killService('postgres');
    const [result] = await heardOn(ports.CUSTODY!, 1, () => ask('CUSTODY', references, { transactionUid }));
    assert.deepEqual([result!.transactionUid, result!.committed], [transactionUid, uidsOf(references)]);
    await gateway.untilReady();
  });

  it('the same request again while it is open has one answer; its transaction UID afterwards fails with 0131', async () => {
    const references = await storeInstances(1);
    const transactionUid = newTransaction();
    await ask('CUSTODY', references, { transactionUid });
    await untilShown(transactionUid, 'decided');
    assert.equal((await ask('CUSTODY', references, { transactionUid })).status, 0);
    await untilShown(transactionUid, 'joined');
    const [first] = await heardOn(ports.CUSTODY!, 1, async () => {});
    assert.deepEqual(first!.committed, uidsOf(references));
    await untilShown(transactionUid, 'reported');
    const heard = await heardOn(ports.CUSTODY!, 1, () => ask('CUSTODY', references, { transactionUid }));
    assert.deepEqual(heard, [
      { eventTypeId: 2, transactionUid, committed: [], failed: { [references[0]!.sopInstanceUid]: '0131' }, callingAe: 'GATEWAY' },
    ]);
  });

  it('an AE title that the gateway has no address for is answered on its association, or kept and shown until it has one', async () => {
    const references = await storeInstances(1);
    const { results } = await ask('STRANGER', references, { lingerMs: 10_000 });
    assert.deepEqual(results[0]?.committed, uidsOf(references));
    const transactionUid = newTransaction();
    assert.equal((await ask('STRANGER', references, { transactionUid })).status, 0);
    const { reason } = await untilShown(transactionUid, 'undeliverable');
    assert.match(reason!, /no commitment address for STRANGER/);
    const port = await lastingPort();
    const document = configuration(sandboxPort);
    const more = {
      ...document,
      commitment: [...document.commitment, { callingAe: 'STRANGER', host: '127.0.0.1', port, after: 'custody' }],
    };
    const [result] = await heardOn(port, 1, async () => {
      const { status, body } = await client.send('PUT', '/api/configuration', { document: more, comment: 'an address for STRANGER' });
      assert.equal(status, 200, JSON.stringify(body));
    });
    assert.deepEqual([result!.transactionUid, result!.committed], [transactionUid, uidsOf(references)]);
  });

  it('what the archive does not have at the deadline is reported as failed', async () => {
    const document = configuration(sandboxPort, 'http://127.0.0.1:9/dicom-web');
    const { status } = await client.send('PUT', '/api/configuration', { document, comment: 'an archive that is away' });
    assert.equal(status, 200);
    const references = await storeInstances(1);
    const [result] = await heardOn(ports.SHORT!, 1, () => ask('SHORT', references));
    assert.deepEqual([result!.eventTypeId, result!.committed, result!.failed], [2, [], { [references[0]!.sopInstanceUid]: '0110' }]);
  });
});
