// Deliveries that count only when the archive commits to them: Orthanc, which is asked by the uploader, and calls the receiver with its answer on an association of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { lastingPort } from './lasting-port.ts';
import { startOrthanc } from './peers-under-test.ts';
import { runSend } from './run-send.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

const INSTANCES = 20;

interface Entry {
  readonly sopInstanceUid: string;
  readonly confirmation: string | null;
  readonly reason: string | null;
}

describe('deliveries to Orthanc with storage commitment', () => {
  let scratch: string;
  let orthanc: Awaited<ReturnType<typeof startOrthanc>>;
  let way: Way;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;
  let seed = 0;

  /** Neither may the archive call, nor is the title known by which it will: what it is asked for it may answer all the same. */
  const documentWith = (commitment: string) => ({
    gateway: { aeTitle: 'CAUSEWAY', callers: [{ callingAe: 'CAUSEWAY_SEND' }] },
    facilities: [{ id: 'north', match: [{}], aeTitle: 'NORTH_GW', destinations: ['orthanc'] }],
    destinations: [
      {
        ...{ id: 'orthanc', kind: 'dimse', host: '127.0.0.1', port: orthanc.dicomPort, calledAe: 'ORTHANC', callingAe: 'facility' },
        ...{ confirm: 'storage-commitment', timeouts: { commitment }, retry: { first: '500ms', max: '2s' } },
      },
    ],
  });

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-archive-commitment-'));
    const port = await lastingPort();
    way = await wayTo(port);
    orthanc = await startOrthanc(scratch, { DicomAet: 'ORTHANC', DicomModalities: { gateway: ['NORTH_GW', '127.0.0.1', way.port] } });
    gateway = await startGateway({ config: documentWith('1h'), env: { CAUSEWAY_DICOM_PORT: String(port), CAUSEWAY_RECEIVERS: '2' } });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    await orthanc?.stop();
    way?.close();
    await rm(scratch, { recursive: true, force: true });
  });

  const receivers = (): string[] => [...gateway.pids().keys()].filter((name) => name.startsWith('receiver'));

  async function send(): Promise<SyntheticFile[]> {
    const files = await makeSyntheticFiles(scratch, { studies: 1, instances: INSTANCES, seed: ++seed, rows: 32, columns: 32 });
    const { code, output } = await runSend(['--port', gateway.ports.dicom, ...files.map(({ path }) => path)]).ended;
    assert.equal(code, 0, output);
    return files;
  }

  const untilCommitted = (files: readonly SyntheticFile[]): Promise<true> =>
    until('every delivery is committed', async () => {
      const { deliveries } = await client.get<{ deliveries: Entry[] }>('/api/deliveries?state=confirmed');
      const proofs = new Map(deliveries.map(({ sopInstanceUid, confirmation }) => [sopInstanceUid, confirmation]));
      return files.every(({ sopInstanceUid }) => proofs.get(sopInstanceUid) === 'c-store 0000 + storage commitment') && true;
    });

  it('are confirmed by the answer that comes on an association of the archive, and are there', async () => {
    const files = await send();
    await untilCommitted(files);
    const stored = (await (await fetch(`${orthanc.url}/instances`)).json()) as string[];
    assert.equal(stored.length, files.length);
    const { associations } = await client.get<{ associations: { callingAe: string; calledAe: string; responses: object }[] }>(
      '/api/associations',
    );
    const reports = associations.filter(({ callingAe }) => callingAe === 'ORTHANC');
    assert.ok(reports.length > 0, JSON.stringify(associations));
    assert.equal(reports[0]!.calledAe, 'NORTH_GW');
  });

  it('whose answers are lost wait, shown as such, and are asked for again over kills of uploader and receivers; nothing is confirmed before', async () => {
    const { status, body } = await client.send('PUT', '/api/configuration', { document: documentWith('3s'), comment: 'impatient' });
    assert.equal(status, 200, JSON.stringify(body));
    way.isOpen = false;
    const files = await send();
    const isWaiting = ({ reason }: Entry): boolean => /waiting for the archive's storage commitment/.test(reason ?? '');
    await until('every delivery is shown as waiting', async () => {
      const { deliveries } = await client.get<{ deliveries: Entry[] }>('/api/deliveries?state=retrying');
      return deliveries.filter(isWaiting).length === files.length;
    });
    assert.ok(way.refused > 0, 'Orthanc tried to answer');
    await gateway.killService('uploader');
    // The first answer that reaches a receiver is cut by its death, before it is answered.
    way.onAnswer = () => Promise.all(receivers().map((name) => gateway.killService(name)));
    way.isOpen = true;
    await untilCommitted(files);
    assert.equal(way.onAnswer, undefined, 'receivers were killed');
    await gateway.untilReady();
    const { deliveries } = await client.get<{ deliveries: Entry[] }>('/api/deliveries?state=retrying');
    assert.deepEqual(deliveries, []);
  });
});

interface Way {
  readonly port: number;
  /** Else every connection is refused. */
  isOpen: boolean;
  refused: number;
  /** Called once, when the gateway has accepted an association and before the archive hears of it. */
  onAnswer: (() => Promise<unknown>) | undefined;
  close(): void;
}

/** The way of the archive to the gateway. */
async function wayTo(gatewayPort: number): Promise<Way> {
  const server = createServer((archive) => {
    archive.on('error', () => {});
    if (!way.isOpen) {
      way.refused += 1;
      archive.destroy();
      return;
    }
    const gateway = connect(gatewayPort, '127.0.0.1');
    gateway.on('error', () => archive.destroy()).on('close', () => archive.destroy());
    archive.on('close', () => gateway.destroy());
    archive.pipe(gateway);
    gateway.on('data', async (bytes) => {
      const { onAnswer } = way;
      way.onAnswer = undefined;
      await onAnswer?.();
      archive.write(bytes);
    });
  });
  const way: Way = { port: await lastingPort(), isOpen: true, refused: 0, onAnswer: undefined, close: () => server.close() };
  await once(server.listen(way.port, '127.0.0.1'), 'listening');
  return way;
}
