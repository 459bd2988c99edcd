// STOW-RS against a real HTTP server that answers as archives do, well and badly.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import type { Delivery } from '@causeway/shared/events/delivery';
import { type MemoryStore, memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { StowSettings } from './destination-settings.ts';
import { openObject } from './outbound-object.ts';
import type { Parcel } from './sender.ts';
import { createStowSender } from './stow-client.ts';

const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const settingsOf = (url: string, more: Partial<StowSettings> = {}): StowSettings => ({
  ...{ id: 'archive', kind: 'stow', url, auth: { kind: 'none' }, images: 'compressed', implicitVr: 'send', confirm: 'response' },
  ...{ concurrency: 2, batch: { instances: 50, size: 32 * 1024 * 1024 }, bandwidth: [], window: [], queued: 1000 },
  timeouts: { connect: 2000, idle: 2000 },
  retry: { first: 1000, factor: 2, max: 10_000, giveUpAfter: 60_000 },
  ...more,
});

/** One instance as it arrived: its UID by the file, and its bytes. */
interface Arrived {
  readonly bytes: Buffer;
}

async function readParts(request: IncomingMessage): Promise<Arrived[]> {
  const arrived: Arrived[] = [];
  for await (const part of readMultipart(request, request.headers['content-type']!)) {
    arrived.push({ bytes: Buffer.concat(await Array.fromAsync(part.body)) });
  }
  return arrived;
}

type Listing = { uid: string; reason?: number; warning?: number };
const sequence = (rows: Listing[]) => ({
  vr: 'SQ',
  Value: rows.map(({ uid, reason, warning }) => ({
    '00081155': { vr: 'UI', Value: [uid] },
    ...(reason === undefined ? {} : { '00081197': { vr: 'US', Value: [reason] } }),
    ...(warning === undefined ? {} : { '00081196': { vr: 'US', Value: [warning] } }),
  })),
});

function answer(response: ServerResponse, status: number, lists: { referenced?: Listing[]; failed?: Listing[] }): void {
  const body = {
    ...(lists.referenced ? { '00081199': sequence(lists.referenced) } : {}),
    ...(lists.failed ? { '00081198': sequence(lists.failed) } : {}),
  };
  response.writeHead(status, { 'content-type': 'application/dicom+json' }).end(JSON.stringify(body));
}

/** A sender towards a server with this handler. */
async function towards(handler: RequestListener, more: Partial<StowSettings> = {}) {
  const store = memoryStore();
  const port = await listen(createServer(handler));
  return { store, ...senderOf(store, settingsOf(`http://127.0.0.1:${port}/dicom-web`, more)) };
}

function senderOf(store: MemoryStore, settings: StowSettings) {
  const sender = createStowSender(settings, {
    store,
    upcoming: () => [],
    slots: () => 1,
    readSecret: createSecretReader({ TOKEN: 'abc' }),
  });
  closers.push(() => sender.close());
  return { sender };
}

async function parcelsOf(store: MemoryStore, deliveries: readonly Delivery[]): Promise<Parcel[]> {
  return await Promise.all(
    deliveries.map(async (delivery) => ({
      delivery,
      resend: false,
      object: await openObject(store, delivery.instance, delivery.instance),
    })),
  );
}
const uidOf = (delivery: Delivery): string => delivery.instance.sopInstanceUid;

describe('createStowSender', () => {
  it('sends every object byte for byte in one request of known length, and reads the answer instance by instance', async () => {
    let seen: { headers: IncomingMessage['headers']; url: string | undefined; parts: Arrived[] } | undefined;
    let deliveries: Delivery[] = [];
    const { store, sender } = await towards(
      async (request, response) => {
        seen = { headers: request.headers, url: request.url, parts: await readParts(request) };
        const [a, b, c] = deliveries.map(uidOf) as [string, string, string];
        answer(response, 202, { referenced: [{ uid: a }, { uid: b, warning: 0xb000 }], failed: [{ uid: c, reason: 0xa900 }] });
      },
      { auth: { kind: 'bearer', token: 'env:TOKEN' } },
    );
    deliveries = [newDelivery(store), newDelivery(store, { edge: 400 }), newDelivery(store), newDelivery(store)];
    const outcomes = await sender.send(await parcelsOf(store, deliveries));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'delivered', 'permanent', 'refused'],
    );
    assert.equal(seen?.url, '/dicom-web/studies');
    assert.equal(seen?.headers.authorization, 'Bearer abc');
    assert.equal(seen?.headers.accept, 'application/dicom+json');
    assert.ok(Number(seen?.headers['content-length']) > 400 * 400);
    assert.deepEqual(
      seen?.parts.map(({ bytes }) => bytes),
      deliveries.map(({ instance }) => store.objects.get(instance.objectKey)),
    );
  });

  it('takes nothing as delivered on a bare 200', async () => {
    const { store, sender } = await towards((request, response) => request.resume().on('end', () => response.writeHead(200).end()));
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(outcome!.kind, 'refused');
  });

  it('honours Retry-After of a 503 and calls the destination down', async () => {
    const { store, sender } = await towards((request, response) =>
      request.resume().on('end', () => response.writeHead(503, { 'retry-after': '7' }).end('busy')),
    );
    const outcomes = await sender.send(await parcelsOf(store, [newDelivery(store), newDelivery(store)]));
    assert.deepEqual(
      outcomes,
      [1, 2].map(() => ({ kind: 'transient', reason: 'HTTP 503', fault: 'down', retryAfterMs: 7000 })),
    );
  });

  it('calls the destination down when it refuses who we are, even before it has read the body', async () => {
    const { store, sender } = await towards((_, response) => response.writeHead(401, { connection: 'close' }).end());
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store, { edge: 1500 })]));
    assert.equal(outcome!.kind, 'transient');
  });

  it('finds the one instance that a 400 is about by sending one by one', async () => {
    let requests = 0;
    let poison = '';
    const { store, sender } = await towards(async (request, response) => {
      requests += 1;
      const parts = await readParts(request);
      const uids = parts.map(({ bytes }) => known.find((uid) => bytes.includes(uid))!);
      if (uids.includes(poison)) response.writeHead(400).end('bad');
      else answer(response, 200, { referenced: uids.map((uid) => ({ uid })) });
    });
    const deliveries = [1, 2, 3].map(() => newDelivery(store));
    const known = deliveries.map(uidOf);
    poison = known[1]!;
    const outcomes = await sender.send(await parcelsOf(store, deliveries));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      ['delivered', 'permanent', 'delivered'],
    );
    assert.equal(requests, 4);
  });

  it('gives 415 of a single instance as a matter of its syntax', async () => {
    const { store, sender } = await towards((request, response) => request.resume().on('end', () => response.writeHead(415).end()));
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.deepEqual(outcome, { kind: 'permanent', reason: 'HTTP 415', because: 'syntax' });
  });

  it('leaves the outcome open when the connection is cut in the middle', async () => {
    const { store, sender } = await towards((request) => void request.once('data', () => request.socket.destroy()));
    const outcomes = await sender.send(await parcelsOf(store, [newDelivery(store, { edge: 1500 }), newDelivery(store)]));
    assert.deepEqual(
      outcomes.map((outcome) => outcome.kind === 'transient' && outcome.fault),
      ['suspect', 'suspect'],
    );
  });

  it('leaves the outcome open when the answer breaks off', async () => {
    const { store, sender } = await towards((request, response) =>
      request.resume().on('end', () => {
        response.writeHead(200, { 'content-length': '1000' }).write('{"00081199":', () => response.destroy());
      }),
    );
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(outcome!.kind, 'transient');
  });

  it('does not read an answer without end', async () => {
    const { store, sender } = await towards((request, response) => {
      const fill = (): void => {
        while (response.write(Buffer.alloc(1024 * 1024, ' ')));
      };
      request.resume().on('end', fill);
      response.on('drain', fill);
    });
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(outcome!.kind, 'refused');
  });

  it('calls the destination down when nobody listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await closers.pop()!();
    const store = memoryStore();
    const { sender } = senderOf(store, settingsOf(`http://127.0.0.1:${port}`));
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(outcome!.kind === 'transient' && outcome!.fault, 'down');
  });

  it('gives up on a server that takes nothing more and says nothing for the idle time', async () => {
    const { store, sender } = await towards((request) => void request.pause(), { timeouts: { connect: 1000, idle: 400 } });
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store, { edge: 3000 })]));
    assert.equal(outcome!.kind === 'transient' && outcome!.fault, 'suspect');
  });

  it('waits longer than the idle time for a slow reader as long as bytes move, and reads no faster than it', async () => {
    let produced = 0;
    let mostAhead = 0;
    let taken = 0;
    const edge = 4096;
    const { store, sender } = await towards(
      async (request, response) => {
        for await (const chunk of request as AsyncIterable<Buffer>) {
          taken += chunk.length;
          mostAhead = Math.max(mostAhead, produced - taken);
          await new Promise((resolve) => setTimeout(resolve, 6));
        }
        answer(response, 200, { referenced: [{ uid }] });
      },
      { timeouts: { connect: 1000, idle: 1000 } },
    );
    const delivery = newDelivery(store, { edge });
    const uid = uidOf(delivery);
    const parcels = await parcelsOf(store, [delivery]);
    const get = store.get.bind(store);
    store.get = async (key, range) => {
      const source = await get(key, range);
      return source.on('data', (chunk: Buffer) => {
        produced += chunk.length;
      });
    };
    const startedAt = performance.now();
    const [outcome] = await sender.send(parcels);
    assert.equal(outcome!.kind, 'delivered');
    assert.ok(performance.now() - startedAt > 1000, 'the whole took longer than the idle time');
    // What is ahead lies in the sockets' buffers of the kernel (some MB on loopback), not in this process.
    assert.ok(mostAhead < 12 * 1024 * 1024, `${mostAhead} bytes of ${edge * edge} were read ahead`);
  });

  it('sends the others when one object turns out damaged, and never lets the damaged one arrive whole', async () => {
    const arrived: number[] = [];
    const { store, sender } = await towards(async (request, response) => {
      try {
        const parts = await readParts(request);
        arrived.push(parts.length);
        answer(response, 200, { referenced: deliveries.map((delivery) => ({ uid: uidOf(delivery) })) });
      } catch {
        arrived.push(-1);
      }
    });
    const deliveries = [newDelivery(store), newDelivery(store, { edge: 300 }), newDelivery(store)];
    const bytes = store.objects.get(deliveries[1]!.instance.objectKey)!;
    bytes[bytes.length - 5]! ^= 1;
    const outcomes = await sender.send(await parcelsOf(store, deliveries));
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.kind === 'permanent' ? outcome.because : outcome.kind)),
      ['delivered', 'object', 'delivered'],
    );
    assert.deepEqual(arrived.toSorted(), [-1, 2]);
  });

  it('takes "already stored" (45070) as delivered only when a query finds the instance and ours may have arrived', async () => {
    let found = false;
    const { store, sender } = await towards((request, response) => {
      if (request.method === 'GET') {
        assert.match(request.url!, /^\/dicom-web\/instances\?SOPInstanceUID=/);
        if (found) response.end(JSON.stringify([{ '00080018': { vr: 'UI', Value: [uid] } }]));
        else response.writeHead(204).end();
      } else request.resume().on('end', () => answer(response, 409, { failed: [{ uid, reason: 45_070 }] }));
    });
    const delivery = newDelivery(store);
    const uid = uidOf(delivery);
    const parcels = await parcelsOf(store, [delivery]);
    const again = parcels.map((parcel) => ({ ...parcel, resend: true }));
    assert.equal((await sender.send(again))[0]!.kind, 'refused');
    found = true;
    const [outcome] = await sender.send(again);
    assert.equal(outcome!.kind === 'delivered' && outcome!.confirmation, 'stow already-stored + qido');
    assert.equal((await sender.send(parcels))[0]!.kind, 'refused', 'what is there is not ours');
  });

  it('asks a query for proof of everything when told to (confirm: qido)', async () => {
    let found = true;
    const { store, sender } = await towards(
      (request, response) => {
        if (request.method === 'GET') response.end(JSON.stringify(found ? [{ '00080018': { vr: 'UI', Value: [uid] } }] : []));
        else request.resume().on('end', () => answer(response, 200, { referenced: [{ uid }] }));
      },
      { confirm: 'qido' },
    );
    const delivery = newDelivery(store);
    const uid = uidOf(delivery);
    const parcels = await parcelsOf(store, [delivery]);
    const [outcome] = await sender.send(parcels);
    assert.equal(outcome!.kind === 'delivered' && outcome!.confirmation, 'stow 200 + qido');
    found = false;
    const [missing] = await sender.send(parcels);
    assert.ok(missing!.kind === 'refused' && missing!.mayHaveArrived);
  });

  it('counts a query that was not answered as no refusal: the instance is not given up for it', async () => {
    const { store, sender } = await towards(
      (request, response) => {
        if (request.method === 'GET') response.writeHead(503).end();
        else request.resume().on('end', () => answer(response, 200, { referenced: [{ uid }] }));
      },
      { confirm: 'qido' },
    );
    const delivery = newDelivery(store);
    const uid = uidOf(delivery);
    const [outcome] = await sender.send(await parcelsOf(store, [delivery]));
    assert.ok(outcome!.kind === 'transient' && outcome!.mayHaveArrived);
  });

  it('cuts what is under way when told to, and leaves its outcome open', async () => {
    const { store, sender } = await towards(() => sender.abort());
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(outcome!.kind, 'transient');
  });

  it('speaks HTTPS with the configured authority and its own certificate, and to nobody else', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stow-client-'));
    closers.push(() => rm(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
    execFileSync('openssl', ['req', '-x509', ...curve, '-nodes', '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
    const material = { key: await readFile(key), cert: await readFile(cert) };
    const store = memoryStore();
    const delivery = newDelivery(store);
    const server = createTlsServer({ ...material, ca: material.cert, requestCert: true }, (request, response) => {
      request.resume().on('end', () => answer(response, 200, { referenced: [{ uid: uidOf(delivery) }] }));
    });
    const url = `https://127.0.0.1:${await listen(server)}`;
    const tls = { ca: `file:${cert}`, cert: `file:${cert}`, key: `file:${key}`, minVersion: '1.2' } as const;
    const parcels = await parcelsOf(store, [delivery]);
    assert.equal((await senderOf(store, settingsOf(url, { tls })).sender.send(parcels))[0]!.kind, 'delivered');
    const [stranger] = await senderOf(store, settingsOf(url)).sender.send(parcels);
    assert.equal(stranger!.kind === 'transient' && stranger!.fault, 'down');
    const missing = { ca: `file:${folder}/absent.pem`, minVersion: '1.2' } as const;
    const [unreadable] = await senderOf(store, settingsOf(url, { tls: missing })).sender.send(parcels);
    assert.equal(unreadable!.kind === 'transient' && unreadable!.fault, 'down');
  });
});
