// DCMTK against our SCP and our requestor against DCMTK, plain and over TLS; data sets compared byte for byte.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { AssociationRequest } from '../upper-layer/association.ts';
import { dataSetOf, dcmtk, makeCertificate, makeCtFile, startStorescp, temporaryFolder } from './dcmtk-for-tests.ts';
import { associateRq, connectRaw } from './raw-peer-for-tests.ts';
import { CT_IMAGE_STORAGE, startScp, TEST_IMPLEMENTATION, VERIFICATION } from './scp-for-tests.ts';
import { type AssociateOptions, AssociationLost, associate } from './scu.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const PIXEL_BYTES = 524_288;

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function open(port: number, more: Partial<AssociateOptions> = {}) {
  return associate({
    host: '127.0.0.1',
    port,
    callingAe: 'TESTER',
    calledAe: 'PEER',
    contexts: [
      { id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] },
      { id: 3, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: [EXPLICIT] },
      { id: 5, abstractSyntaxUid: '1.2.3.4.5', transferSyntaxUids: [EXPLICIT] },
    ],
    implementation: TEST_IMPLEMENTATION,
    timeouts: { connectMs: 5000, associateMs: 5000, responseMs: 10_000 },
    ...more,
  });
}

/** `count` times the file's data set through one association, and the release. */
async function storeFile(association: Awaited<ReturnType<typeof open>>, file: string, count = 1): Promise<void> {
  const whole = await dataSetOf(file);
  for (let number = 0; number < count; number++) {
    const dataSet = createReadStream(file, { start: 144 + (await groupLength(file)) });
    const status = await association.store({ contextId: 3, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid: `1.2.3.${number}`, dataSet });
    assert.equal(status.status, 0, `of ${whole.length} bytes`);
  }
  await association.release();
}

async function groupLength(file: string): Promise<number> {
  for await (const chunk of createReadStream(file, { start: 140, end: 143 })) return (chunk as Buffer).readUInt32LE(0);
  return 0;
}

test('echoscu is answered, with small and large PDUs', async () => {
  await using scp = await startScp();
  for (const maxPdu of ['4096', '131072']) await dcmtk('echoscu', ['-aec', 'GATEWAY', '-pdu', maxPdu, '127.0.0.1', String(scp.port)]);
  assert.equal((await scp.nextEnd()).kind, 'released');
});

for (const [name, limit, args] of [
  ['PDUs of 4096', 4096, []],
  ['PDUs of 128 KiB', 131_072, []],
  ['no limit on PDUs', 0, []],
  ['a repeated send on one association', 131_072, ['--repeat', '5']],
] as [string, number, string[]][]) {
  test(`storescu with ${name}: what arrives is the data set of the file`, async () => {
    await using folder = await temporaryFolder();
    const file = await makeCtFile(folder.path, PIXEL_BYTES);
    await using scp = await startScp({ limits: { maxPduBytes: limit } });
    await dcmtk('storescu', ['-xe', ...args, '127.0.0.1', String(scp.port), file]);
    const expected = sha256(await dataSetOf(file));
    assert.equal(scp.stored.length, args.length === 0 ? 1 : 5);
    for (const stored of scp.stored) assert.equal(stored.sha256, expected);
    assert.equal(scp.stored[0]?.request.transferSyntaxUid, EXPLICIT);
  });
}

test('storescu that is told A700 fails', async () => {
  await using folder = await temporaryFolder();
  const file = await makeCtFile(folder.path, 1000);
  await using scp = await startScp({ storeRequested: () => ({ status: 0xa700, comment: 'full' }) });
  await assert.rejects(dcmtk('storescu', ['--halt', '127.0.0.1', String(scp.port), file]));
});

for (const [name, args] of [
  ['PDUs of 4096', ['-pdu', '4096']],
  ['PDUs of 128 KiB', ['-pdu', '131072']],
] as [string, string[]][]) {
  test(`our requestor to storescp with ${name}: echo, five stores, byte for byte`, async () => {
    await using folder = await temporaryFolder();
    await using output = await temporaryFolder();
    const file = await makeCtFile(folder.path, PIXEL_BYTES);
    await using peer = await startStorescp(output.path, args);
    const association = await open(peer.port);
    assert.equal((await association.echo()).status, 0);
    assert.deepEqual([...association.refused.keys()], [5]);
    await storeFile(association, file, 5);
    const expected = sha256(await dataSetOf(file));
    const received = await readdir(output.path);
    assert.equal(received.length, 5);
    for (const name of received) assert.equal(sha256(await dataSetOf(join(output.path, name))), expected);
  });
}

test('over TLS both ways with DCMTK: the verified subject reaches the handler and the bytes are the same', async () => {
  await using folder = await temporaryFolder();
  await using output = await temporaryFolder();
  const file = await makeCtFile(folder.path, PIXEL_BYTES);
  const { cert, key, certFile, keyFile } = await makeCertificate(folder.path, '/O=Clinic/CN=modality');
  const asked: AssociationRequest[] = [];
  await using scp = await startScp({
    tls: { cert, key, ca: cert, clientCert: 'required' },
    associationRequested: (request) => {
      asked.push(request);
      return {
        contexts: request.contexts.map(({ id, transferSyntaxUids: [first = ''] }) => ({ id, result: 0, transferSyntaxUid: first })),
      };
    },
  });
  await dcmtk('storescu', ['-xe', '+tls', keyFile, certFile, '+cf', certFile, '127.0.0.1', String(scp.port), file]);
  assert.equal(scp.stored[0]?.sha256, sha256(await dataSetOf(file)));
  assert.equal(asked[0]?.peer.tls?.subject, 'CN=modality,O=Clinic');
  assert.match(asked[0]?.peer.tls?.protocol ?? '', /^TLSv1\.[23]$/);
  await using peer = await startStorescp(output.path, ['+tls', keyFile, certFile, '+cf', certFile]);
  await storeFile(await open(peer.port, { host: 'localhost', tls: { ca: cert, cert, key } }), file);
  const [received = ''] = await readdir(output.path);
  assert.equal(sha256(await dataSetOf(join(output.path, received))), sha256(await dataSetOf(file)));
});

test('our requestor to our SCP over TLS, and the mistakes of configuration each named', async () => {
  await using folder = await temporaryFolder();
  const { cert, key } = await makeCertificate(folder.path, '/CN=gateway');
  await using secure = await startScp({ tls: { cert, key } });
  await using plain = await startScp();
  const association = await open(secure.port, { tls: { ca: cert } });
  assert.equal((await association.echo()).status, 0);
  await association.release();
  assert.deepEqual(await secure.nextEnd(), { kind: 'released', detail: 'released by the peer' });

  await assert.rejects(open(secure.port, { tls: {} }), (error) => error instanceof AssociationLost && /SELF_SIGNED/.test(error.message));
  assert.equal((await secure.nextEvent()).kind, 'tls-handshake-failed');

  await assert.rejects(open(secure.port), AssociationLost);
  const event = await secure.nextEvent();
  assert.equal(event.kind, 'plain-on-tls-port');

  await assert.rejects(open(plain.port, { tls: { ca: cert } }), AssociationLost);
  assert.equal((await plain.nextEvent()).kind, 'tls-on-plain-port');
});

test('a plain peer on a TLS port is answered with A-ABORT, and a client without the required certificate gets no association', async () => {
  await using folder = await temporaryFolder();
  const { cert, key } = await makeCertificate(folder.path, '/CN=gateway');
  await using scp = await startScp({ tls: { cert, key, ca: cert, clientCert: 'required' }, limits: { artimMs: 300 } });
  const peer = await connectRaw(scp.port);
  peer.send(associateRq());
  assert.equal(await peer.nextHex(), '7 00000200');
  assert.equal(await peer.next(), 'closed');
  await assert.rejects(open(scp.port, { tls: { ca: cert } }), AssociationLost);
  const silent = await connectRaw(scp.port);
  assert.equal(await silent.next(), 'closed');
});

test('draining does not wait for a peer that stopped before its TLS handshake', async () => {
  await using folder = await temporaryFolder();
  const { cert, key } = await makeCertificate(folder.path, '/CN=gateway');
  await using scp = await startScp({ tls: { cert, key } });
  const silent = await connectRaw(scp.port);
  const halfway = await connectRaw(scp.port);
  halfway.send(Buffer.from('160301', 'hex'));
  const drained = scp.scp.drain(0);
  assert.equal(await silent.next(), 'closed');
  assert.equal(await halfway.next(), 'closed');
  await drained;
});

test('a certificate that was asked for but not verified is no subject', async () => {
  await using folder = await temporaryFolder();
  await using other = await temporaryFolder();
  const { cert, key } = await makeCertificate(folder.path, '/CN=gateway');
  const stranger = await makeCertificate(other.path, '/CN=north');
  const asked: AssociationRequest[] = [];
  await using scp = await startScp({
    tls: { cert, key, ca: cert, clientCert: 'optional' },
    associationRequested: (request) => {
      asked.push(request);
      return { contexts: [] };
    },
  });
  await (await open(scp.port, { tls: { ca: cert, cert: stranger.cert, key: stranger.key } })).release();
  assert.equal(asked[0]?.peer.tls?.subject, undefined);
});
