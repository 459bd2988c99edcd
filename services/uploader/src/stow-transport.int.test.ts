// STOW-RS over TLS, HTTP/2 and with tokens that run out: what of it is a fault of the destination, and what is mended on the way.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeCertificate, type TestCertificate } from '@causeway/shared/dicomweb/certificate-for-tests';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { Outcome } from './delivery-outcome.ts';
import { answer, listen, parcelsOf, readParts, senderOf, settingsOf, towards, uidOf } from './stow-peer-for-tests.ts';

let folder: string;
let valid: TestCertificate;
let expired: TestCertificate;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stow-transport-'));
  [valid, expired] = [await makeCertificate(folder, { name: 'valid' }), await makeCertificate(folder, { name: 'expired', expired: true })];
});
after(() => rm(folder, { recursive: true }));

const isDown = (outcome: Outcome | undefined, words: RegExp): boolean => {
  assert.ok(outcome?.kind === 'transient' && outcome.fault === 'down', JSON.stringify(outcome));
  assert.match(outcome.reason, words);
  return outcome.mayHaveArrived === true;
};

describe('TLS', () => {
  it('is spoken with the configured authority and our own certificate, and with nobody else; nothing has arrived then', async () => {
    const store = memoryStore();
    const delivery = newDelivery(store);
    const server = createTlsServer({ key: valid.key, cert: valid.cert, ca: valid.cert, requestCert: true }, (request, response) => {
      request.resume().on('end', () => answer(response, 200, { referenced: [{ uid: uidOf(delivery) }] }));
    });
    const url = `https://127.0.0.1:${await listen(server)}`;
    const tls = { ca: `file:${valid.certFile}`, cert: `file:${valid.certFile}`, key: `file:${valid.keyFile}`, minVersion: '1.2' } as const;
    const parcels = await parcelsOf(store, [delivery]);
    assert.equal((await senderOf(store, settingsOf(url, { tls })).sender.send(parcels))[0]!.kind, 'delivered');
    const [stranger] = await senderOf(store, settingsOf(url)).sender.send(parcels);
    assert.equal(isDown(stranger, /self-signed certificate/), false);
    const missing = { ca: `file:${folder}/absent.pem`, minVersion: '1.2' } as const;
    const [unreadable] = await senderOf(store, settingsOf(url, { tls: missing })).sender.send(parcels);
    assert.equal(isDown(unreadable, /absent\.pem cannot be read/), false);
  });

  it('of a server whose certificate has expired is a fault of the destination, said so', async () => {
    const store = memoryStore();
    const server = createTlsServer({ key: expired.key, cert: expired.cert }, () => assert.fail('it was spoken to'));
    const tls = { ca: `file:${expired.certFile}`, minVersion: '1.2' } as const;
    const { sender } = senderOf(store, settingsOf(`https://127.0.0.1:${await listen(server)}`, { tls }));
    const [outcome] = await sender.send(await parcelsOf(store, [newDelivery(store)]));
    assert.equal(isDown(outcome, /certificate has expired/), false);
  });
});

describe('HTTP/2', () => {
  it('carries batches side by side; a reset leaves the outcome open, and a refused stream is nobody’s fault', async () => {
    const store = memoryStore();
    let resetWith: number | undefined;
    const server = createSecureServer({ key: valid.key, cert: valid.cert, allowHTTP1: true }, async (request, response) => {
      if (resetWith !== undefined) return void request.once('data', () => request.stream.close(resetWith));
      const parts = await readParts(request);
      const uids = deliveries.map(uidOf).filter((uid) => parts.some(({ bytes }) => bytes.includes(uid)));
      answer(response, 200, { referenced: uids.map((uid) => ({ uid })) });
    });
    const tls = { ca: `file:${valid.certFile}`, minVersion: '1.2' } as const;
    const { sender } = senderOf(store, settingsOf(`https://127.0.0.1:${await listen(server as never)}`, { tls, concurrency: 3 }));
    const deliveries = Array.from({ length: 9 }, () => newDelivery(store, { edge: 700 }));
    const parcels = await parcelsOf(store, deliveries);
    const batches = await Promise.all([0, 3, 6].map((at) => sender.send(parcels.slice(at, at + 3))));
    assert.ok(batches.flat().every(({ kind }) => kind === 'delivered'));
    const faults: unknown[] = [];
    for (const code of [8, 7]) {
      resetWith = code;
      const [outcome] = await sender.send(parcels.slice(0, 1));
      assert.ok(outcome!.kind === 'transient');
      faults.push([outcome.fault, outcome.mayHaveArrived === true]);
    }
    assert.deepEqual(faults, [
      ['suspect', true],
      ['none', false],
    ]);
  });
});

describe('OAuth2', () => {
  /** A token endpoint that numbers its tokens, and an archive that takes only the latest one it was told of. */
  const towardsTokens = async (status: () => number, isGood: (token: string) => boolean) => {
    let given = 0;
    const tokens = await listen(
      createServer((_, response) => {
        given += 1;
        response.writeHead(status()).end(JSON.stringify({ access_token: `t${given}`, expires_in: 3600 }));
      }),
    );
    const auth = { kind: 'oauth2', tokenUrl: `http://127.0.0.1:${tokens}/`, clientId: 'gw', clientSecret: 'env:TOKEN' } as const;
    const requests: string[] = [];
    const made = await towards(
      async (request, response) => {
        const token = request.headers.authorization!.replace('Bearer ', '');
        requests.push(token);
        if (!isGood(token)) return void response.writeHead(401, { connection: 'close' }).end();
        await readParts(request);
        answer(response, 200, { referenced: [{ uid: uidOf(delivery) }] });
      },
      { auth },
    );
    const delivery = newDelivery(made.store, { edge: 1500 });
    return { ...made, requests, parcels: await parcelsOf(made.store, [delivery]) };
  };

  it('gets a fresh token after a 401 and sends again at once, one time', async () => {
    const good = await towardsTokens(
      () => 200,
      (token) => token === 't2',
    );
    assert.deepEqual([(await good.sender.send(good.parcels))[0]!.kind, good.requests], ['delivered', ['t1', 't2']]);
    const bad = await towardsTokens(
      () => 200,
      () => false,
    );
    const [outcome] = await bad.sender.send(bad.parcels);
    isDown(outcome, /^HTTP 401 \(our credentials are not accepted\)$/);
    assert.deepEqual(bad.requests, ['t1', 't2']);
  });

  it('pauses the destination while the token endpoint gives none, and nothing has arrived then', async () => {
    const { sender, parcels, requests } = await towardsTokens(
      () => 500,
      () => true,
    );
    const [outcome] = await sender.send(parcels);
    assert.equal(isDown(outcome, /^the token endpoint answered 500$/), false);
    assert.deepEqual(requests, []);
  });
});
