// STOW-RS against a real HTTP server that answers as archives do, well and badly.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import type { Delivery } from '@causeway/shared/events/delivery';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import { isSyntaxRefused, transient } from './delivery-outcome.ts';
import {
  type Arrived,
  answer,
  closers,
  listen,
  parcelsOf,
  readParts,
  senderOf,
  settingsOf,
  towards,
  uidOf,
} from './stow-peer-for-tests.ts';

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
      [1, 2].map(() => ({ kind: 'transient', reason: 'HTTP 503 (not available for now)', fault: 'down', retryAfterMs: 7000 })),
    );
  });

  it('calls the destination down when it refuses who we are, even before it has read the body', async () => {
    const { store, sender } = await towards((_, response) => response.writeHead(401, { connection: 'close' }).end());
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store, { edge: 1500 })]));
    assert.deepEqual(outcome, transient('HTTP 401 (our credentials are not accepted)', 'down'));
  });

  it('finds the one instance that a 400 is about by halving', async () => {
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
    assert.equal(requests, 5, 'three, two, one, one, one');
  });

  it('gives 415 of a single instance as a matter of its syntax', async () => {
    const { store, sender } = await towards((request, response) => request.resume().on('end', () => response.writeHead(415).end()));
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.deepEqual(outcome, { kind: 'permanent', reason: 'HTTP 415 (media type or transfer syntax not supported)', because: 'syntax' });
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

  it('cuts what is under way when told to, and leaves its outcome open', async () => {
    const { store, sender } = await towards(() => sender.abort());
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(outcome!.kind, 'transient');
  });

  it('halves what is too large for the archive (413), sends less at a time from then on, and parks the one that is too large alone', async () => {
    const sizes: number[] = [];
    const { store, sender } = await towards(async (request, response) => {
      const parts = await readParts(request);
      sizes.push(parts.length);
      if (parts.length > 2 || parts.some(({ bytes }) => bytes.length > 100_000)) response.writeHead(413).end();
      else
        answer(response, 200, {
          referenced: deliveries.filter((one) => parts.some(({ bytes }) => bytes.includes(uidOf(one)))).map(asListing),
        });
    });
    const asListing = (delivery: Delivery) => ({ uid: uidOf(delivery) });
    const deliveries = Array.from({ length: 8 }, (_, n) => newDelivery(store, { edge: n === 5 ? 400 : 20 }));
    const outcomes = await sender.send(await parcelsOf(store, deliveries));
    assert.deepEqual(
      outcomes.map(({ kind }) => kind),
      deliveries.map((_, n) => (n === 5 ? 'permanent' : 'delivered')),
    );
    assert.deepEqual(sizes, [8, 4, 2, 2, 4, 2, 1, 1, 2]);
    assert.ok(sender.batch.instances <= 2, `${sender.batch.instances} at a time`);
  });

  it('takes 413 with Retry-After for a state of the archive', async () => {
    const later = new Date(Date.now() + 3_600_000 * 9).toUTCString();
    const { store, sender } = await towards((request, response) =>
      request.resume().on('end', () => response.writeHead(413, { 'retry-after': later }).end()),
    );
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.deepEqual(outcome, transient('HTTP 413 (too large for the destination)', 'down', 3_600_000), 'an hour at most');
  });

  it('tells the syntaxes apart that a 415 is about', async () => {
    const { store, sender } = await towards(async (request, response) => {
      const parts = await readParts(request);
      const uids = deliveries.map(uidOf).filter((uid) => parts.some(({ bytes }) => bytes.includes(uid)));
      if (parts.some(({ bytes }) => bytes.includes(IMPLICIT_VR_LITTLE_ENDIAN.padEnd(18, '\0')))) response.writeHead(415).end();
      else answer(response, 200, { referenced: uids.map((uid) => ({ uid })) });
    });
    const deliveries = [undefined, IMPLICIT_VR_LITTLE_ENDIAN, undefined].map((transferSyntaxUid) =>
      newDelivery(store, transferSyntaxUid === undefined ? {} : { transferSyntaxUid }),
    );
    const outcomes = await sender.send(await parcelsOf(store, deliveries));
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.kind === 'delivered' ? 'delivered' : isSyntaxRefused(outcome))),
      ['delivered', true, 'delivered'],
    );
  });

  it('reads an answer in XML as well, and takes none of another type', async () => {
    let contentType = 'application/dicom+xml';
    const { store, sender } = await towards((request, response) =>
      request.resume().on('end', () => response.writeHead(200, { 'content-type': contentType }).end(xmlAnswer(uidOf(delivery)))),
    );
    const delivery = newDelivery(store);
    const parcels = await parcelsOf(store, [delivery]);
    assert.equal((await sender.send(parcels))[0]!.kind, 'delivered');
    for (contentType of ['text/html', 'text/plain', 'application/dicom+json', 'image/png']) {
      const [outcome] = await sender.send(parcels);
      assert.ok(outcome!.kind === 'refused' && outcome!.mayHaveArrived, contentType);
    }
  });

  it('gives up on an answer that drips without end: after ten idle times, whatever moves', async () => {
    const { store, sender } = await towards(
      (request, response) => {
        const drip = setInterval(() => response.write(' '), 50);
        response.on('close', () => clearInterval(drip)).writeHead(200, { 'content-type': 'application/dicom+json' });
        request.resume();
      },
      { timeouts: { connect: 1000, idle: 150 } },
    );
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.ok(outcome!.kind === 'transient' && outcome!.mayHaveArrived, JSON.stringify(outcome));
    assert.match(outcome!.reason, /not through after 1.5 s/);
  });
});

const xmlAnswer = (uid: string): string =>
  `<?xml version="1.0"?><NativeDicomModel><DicomAttribute tag="00081199" vr="SQ"><Item number="1"><DicomAttribute tag="00081155" vr="UI"><Value number="1">${uid}</Value></DicomAttribute></Item></DicomAttribute></NativeDicomModel>`;
