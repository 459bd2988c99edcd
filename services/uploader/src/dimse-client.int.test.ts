// C-STORE to real storage SCPs: our own, which can be told to answer badly, and DCMTK's, plain and over TLS.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { type CStoreRequest, createScp, type DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { AssociationRequest, ContextResult, RejectAnswer } from '@causeway/shared/dicom/upper-layer/association';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { Clock } from './circuit-breaker.ts';
import {
  JPEG_2000_LOSSLESS,
  type MemoryStore,
  memoryStore,
  newDelivery,
  SECONDARY_CAPTURE,
  withCompressed,
} from './deliveries-for-tests.ts';
import { Attempts } from './delivery-attempt.ts';
import type { DimseSettings } from './destination-settings.ts';
import { createDimseSender } from './dimse-client.ts';
import { openObject } from './outbound-object.ts';
import type { Parcel } from './sender.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

const clock: Clock = {
  now: Date.now,
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};

const settingsOf = (port: number, more: Partial<DimseSettings> = {}): DimseSettings => ({
  ...{
    id: 'pacs',
    kind: 'dimse',
    host: '127.0.0.1',
    port,
    calledAe: 'PACS',
    callingAe: 'CAUSEWAY',
    images: 'compressed',
    confirm: 'response',
  },
  ...{ concurrency: 2, batch: { instances: 50, size: 32 * 1024 * 1024 }, bandwidth: [], window: [], queued: 1000 },
  timeouts: { connect: 2000, idle: 5000, commitment: 3_600_000 },
  retry: { first: 1000, factor: 2, max: 10_000, giveUpAfter: 60_000 },
  ...more,
});

function senderOf(store: MemoryStore, settings: DimseSettings, upcoming: Delivery[] = []) {
  const titles = { gateway: 'CAUSEWAY', byFacility: { north: 'NORTH_GW' } };
  const sender = createDimseSender(settings, {
    ...{ store, titles, clock, associate },
    upcoming: () => upcoming,
    slots: () => settings.concurrency,
    readSecret: createSecretReader({}),
  });
  closers.push(() => sender.close());
  return sender;
}

async function parcelOf(store: MemoryStore, delivery: Delivery, resend = false): Promise<Parcel> {
  return { delivery, resend, object: await openObject(store, delivery.instance, delivery.instance) };
}

interface PeerOptions {
  answer?: (request: CStoreRequest, place: number) => DimseStatus;
  context?: (transferSyntaxUid: string) => ContextResult;
  reject?: RejectAnswer;
}

/** Our own SCP; keeps what arrives. */
async function startPeer(options: PeerOptions = {}) {
  const associations: AssociationRequest[] = [];
  const arrived: { request: CStoreRequest; dataSet: Buffer }[] = [];
  let started = 0;
  const scp = createScp({
    handlers: {
      associationRequested: (request) => {
        associations.push(request);
        if (options.reject !== undefined) return options.reject;
        const contexts = request.contexts.map(({ id, transferSyntaxUids: [transferSyntaxUid] }) => ({
          id,
          result: options.context?.(transferSyntaxUid!) ?? 0,
          transferSyntaxUid: transferSyntaxUid!,
        }));
        return { contexts };
      },
      storeRequested: (_, request) => {
        const place = started++;
        const chunks: Buffer[] = [];
        return {
          write: (chunk) => void chunks.push(Buffer.from(chunk)),
          end: async () => {
            arrived.push({ request, dataSet: Buffer.concat(chunks) });
            return options.answer?.(request, place) ?? { status: 0 };
          },
          abort: () => {},
        };
      },
    },
    limits: () => ({ associations: 10, associationsPerSource: 10, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 5_000 }),
    implementation: { classUid: '1.2.3', versionName: 'PEER' },
    report: () => {},
  });
  const { port } = await scp.listen({ id: 'peer', host: '127.0.0.1', port: 0 });
  closers.push(() => scp.drain(0));
  return { port, associations, arrived };
}

describe('createDimseSender towards an SCP', () => {
  it('sends the data set byte for byte in its own syntax, one instance after the other on one association', async () => {
    const peer = await startPeer();
    const store = memoryStore();
    const sender = senderOf(store, settingsOf(peer.port));
    const deliveries = [newDelivery(store), newDelivery(store, { edge: 900, lane: 'stat' }), newDelivery(store, { lane: 'prior' })];
    for (const delivery of deliveries) {
      assert.deepEqual(await sender.send([await parcelOf(store, delivery)]), [{ kind: 'delivered', confirmation: 'c-store 0000' }]);
    }
    assert.deepEqual(
      peer.arrived.map(({ dataSet }) => dataSet),
      deliveries.map(({ dataSet }) => dataSet),
    );
    assert.deepEqual(
      peer.arrived.map(({ request }) => [request.affectedSopInstanceUid, request.transferSyntaxUid, request.priority]),
      deliveries.map(({ instance }, place) => [instance.sopInstanceUid, EXPLICIT, [0, 1, 2][place]]),
    );
    assert.equal(peer.associations.length, 1);
    assert.deepEqual([peer.associations[0]!.callingAe, peer.associations[0]!.calledAe], ['CAUSEWAY', 'PACS']);
  });

  it('calls as the facility, or as the modality did, when told to', async () => {
    const peer = await startPeer();
    const store = memoryStore();
    const delivery = { ...newDelivery(store), facility: 'north' };
    for (const callingAe of ['facility', 'as-received'] as const) {
      await senderOf(store, settingsOf(peer.port, { callingAe })).send([await parcelOf(store, delivery)]);
    }
    assert.deepEqual(
      peer.associations.map(({ callingAe }) => callingAe),
      ['NORTH_GW', 'MODALITY'],
    );
  });

  it('keeps a warning, and takes each failure for what it is, on the same association', async () => {
    const statuses = [0xb007, 0xa700, 0xa900, 0xc001, 0x0110, 0x0124];
    const peer = await startPeer({ answer: (_, place) => ({ status: statuses[place]! }) });
    const store = memoryStore();
    const sender = senderOf(store, settingsOf(peer.port));
    const kinds: string[] = [];
    for (const _ of statuses) kinds.push((await sender.send([await parcelOf(store, newDelivery(store))]))[0]!.kind);
    assert.deepEqual(kinds, ['delivered', 'transient', 'permanent', 'refused', 'refused', 'transient']);
    assert.equal(peer.associations.length, 1);
  });

  it('says at once which syntax is refused, and sends the original where there is one', async () => {
    const peer = await startPeer({ context: (syntax) => (syntax === JPEG_2000_LOSSLESS ? 4 : 0) });
    const store = memoryStore();
    const delivery = withCompressed(store, newDelivery(store), Buffer.alloc(1000, 7));
    const sender = senderOf(store, settingsOf(peer.port), [delivery]);
    const { lane, size, sopInstanceUid } = delivery.instance;
    const attempts = new Attempts({ form: { images: 'compressed' }, coercion: { rules: [], system: 'CAUSEWAY' }, store, sender, clock });
    const [result] = await attempts.send([
      { ...{ delivery, lane, size, sopInstanceUid, facility: 'none' }, alone: false, resend: false, lastTry: false },
    ]);
    assert.equal(result!.outcome.kind, 'delivered');
    assert.equal(result!.ref.objectKey, delivery.instance.objectKey);
    assert.equal(peer.associations.length, 1);
    const refusing = await startPeer({ context: () => 3 });
    const [outcome] = await senderOf(store, settingsOf(refusing.port)).send([await parcelOf(store, delivery)]);
    assert.ok(outcome!.kind === 'permanent' && outcome!.because === 'syntax' && outcome!.reason.includes(EXPLICIT));
  });

  it('calls the destination down when it rejects the association, with the codes', async () => {
    const peer = await startPeer({ reject: { result: 1, source: 1, reason: 3, because: 'test' } });
    const store = memoryStore();
    const [outcome] = await senderOf(store, settingsOf(peer.port)).send([await parcelOf(store, newDelivery(store))]);
    assert.ok(outcome!.kind === 'transient' && outcome!.fault === 'down' && /result 1, source 1, reason 3/.test(outcome!.reason));
  });

  it('calls the destination down when nobody listens or no DICOM is spoken', async () => {
    const server = createServer((socket) =>
      socket
        .on('error', () => {})
        .resume()
        .end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    );
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const { port } = server.address() as AddressInfo;
    const store = memoryStore();
    const parcel = await parcelOf(store, newDelivery(store));
    const [strange] = await senderOf(store, settingsOf(port)).send([parcel]);
    await new Promise((resolve) => server.close(resolve));
    const [refused] = await senderOf(store, settingsOf(port)).send([parcel]);
    assert.deepEqual(
      [strange, refused].map((outcome) => outcome!.kind === 'transient' && outcome!.fault),
      ['down', 'down'],
    );
  });

  it('asks a destination that is away once for a batch, and leaves the rest of it for later', async () => {
    const store = memoryStore();
    let connections = 0;
    const server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    closers.push(async () => void server.close());
    const sender = senderOf(store, settingsOf((server.address() as AddressInfo).port));
    const parcels = await Promise.all([0, 1, 2].map(() => parcelOf(store, newDelivery(store))));
    const outcomes = await sender.send(parcels);
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === 'transient' && outcome.fault),
      ['down', 'none', 'none'],
    );
    assert.equal(connections, 1);
  });

  it('never lets a damaged object arrive: the association is aborted before the last fragment', async () => {
    const peer = await startPeer();
    const store = memoryStore();
    const sender = senderOf(store, settingsOf(peer.port));
    const delivery = newDelivery(store, { edge: 700 });
    const parcel = await parcelOf(store, delivery);
    store.objects.get(delivery.instance.objectKey)![100_000]! ^= 1;
    const [outcome] = await sender.send([parcel]);
    assert.ok(outcome!.kind === 'permanent' && outcome!.because === 'object');
    assert.equal(peer.arrived.length, 0);
    const [next] = await sender.send([await parcelOf(store, newDelivery(store))]);
    assert.equal(next!.kind, 'delivered');
  });

  it('leaves the outcome open when what is under way is cut', async () => {
    const store = memoryStore();
    const peer = await startPeer({
      answer: () => {
        sender.abort();
        return { status: 0 };
      },
    });
    const sender = senderOf(store, settingsOf(peer.port));
    const [outcome] = await sender.send([await parcelOf(store, newDelivery(store))]);
    assert.equal(outcome!.kind === 'transient' && outcome!.fault, 'suspect');
  });
});

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startStorescp(folder: string, extra: string[]): Promise<number> {
  const port = await freePort();
  const args = [...extra, '--output-directory', folder, '--accept-all', '--bit-preserving', '-aet', 'PACS', String(port)];
  const child: ChildProcess = spawn('storescp', args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' } });
  closers.push(async () => {
    child.kill();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`storescp ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const up = await Promise.race([once(socket, 'connect').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false);
    socket.destroy();
    if (up) return port;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('createDimseSender towards DCMTK storescp', () => {
  for (const kind of ['plain', 'over TLS with certificates on both sides'] as const) {
    it(`delivers data sets byte for byte, ${kind}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'dimse-client-'));
      closers.push(() => rm(folder, { recursive: true }));
      const secure = kind !== 'plain';
      const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      if (secure) {
        const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
        execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
          stdio: 'ignore',
        });
      }
      const out = await mkdtemp(join(folder, 'out-'));
      const port = await startStorescp(out, secure ? ['+tls', key, cert, '--add-cert-file', cert, '--require-peer-cert'] : []);
      const tls = { ca: `file:${cert}`, cert: `file:${cert}`, key: `file:${key}`, minVersion: '1.2' } as const;
      const store = memoryStore();
      const sender = senderOf(store, settingsOf(port, secure ? { tls } : {}));
      const deliveries = [newDelivery(store), newDelivery(store, { edge: 800 })];
      for (const delivery of deliveries) {
        const [outcome] = await sender.send([await parcelOf(store, delivery)]);
        assert.deepEqual(outcome, { kind: 'delivered', confirmation: 'c-store 0000' });
      }
      await sender.close();
      const files = await Promise.all((await readdir(out)).map((name) => readFile(join(out, name))));
      const dataSets = files.map((file) => file.subarray(parseFileMeta(file)!.dataSetOffset).toString('hex'));
      assert.deepEqual(new Set(dataSets), new Set(deliveries.map(({ dataSet }) => dataSet.toString('hex'))));
      assert.ok(files.every((file) => parseFileMeta(file)!.meta.sopClassUid === SECONDARY_CAPTURE));
      if (!secure) return;
      const [stranger] = await senderOf(store, settingsOf(port, { tls: { minVersion: '1.2' } })).send([
        await parcelOf(store, deliveries[0]!),
      ]);
      assert.equal(stranger!.kind === 'transient' && stranger!.fault, 'down');
    });
  }
});
