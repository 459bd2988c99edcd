// Our requestor against peers that refuse, stall, lie or vanish; the peers are made of bytes.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { test } from 'node:test';
import {
  encodeAbort,
  encodeAssociateAccept,
  encodeCommand,
  encodeReleaseRequest,
  encodeReleaseResponse,
} from '../upper-layer/pdu-writer.ts';
import { type CommandFields, encodeCommandSet } from './command-set.ts';
import { RAW_CONTEXTS, RawPeer } from './raw-peer-for-tests.ts';
import { CT_IMAGE_STORAGE, TEST_IMPLEMENTATION } from './scp-for-tests.ts';
import { AssociationLost, associate } from './scu.ts';

const TIMEOUTS = { connectMs: 2000, associateMs: 2000, responseMs: 2000 };

function open(port: number, timeouts: Partial<typeof TIMEOUTS> = {}) {
  return associate({
    host: '127.0.0.1',
    port,
    callingAe: 'TESTER',
    calledAe: 'PEER',
    contexts: RAW_CONTEXTS,
    implementation: TEST_IMPLEMENTATION,
    timeouts: { ...TIMEOUTS, ...timeouts },
  });
}

async function listen() {
  const server = createServer({ noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  const sockets: Socket[] = [];
  server.on('connection', (socket) => sockets.push(socket));
  return {
    port: address.port,
    async nextPeer() {
      const [socket] = await once(server, 'connection');
      return new RawPeer(socket);
    },
    [Symbol.dispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function accept(maxPduBytes = 16_384, transferSyntaxUid = '1.2.840.10008.1.2.1'): Buffer {
  const contexts = [
    { id: 1, result: 0, transferSyntaxUid: '1.2.840.10008.1.2' },
    { id: 3, result: 0, transferSyntaxUid },
  ] as const;
  return encodeAssociateAccept({ addressing: Buffer.alloc(64, 0x20), contexts, maxPduBytes, implementation: TEST_IMPLEMENTATION });
}

/** An association with a raw peer that has accepted it and has read nothing else. */
async function opened(server: Awaited<ReturnType<typeof listen>>, timeouts: Partial<typeof TIMEOUTS> = {}, acceptBytes = accept()) {
  const connecting = server.nextPeer();
  const opening = open(server.port, timeouts);
  const peer = await connecting;
  await peer.next();
  peer.send(acceptBytes);
  return { peer, association: await opening };
}

function response(fields: CommandFields): Buffer {
  const command = encodeCommandSet({
    commandField: 0x8001,
    messageIdBeingRespondedTo: 1,
    commandDataSetType: 0x0101,
    status: 0,
    ...fields,
  });
  return encodeCommand(3, command, 1000);
}

const lost = (message: RegExp) => (error: unknown) => error instanceof AssociationLost && message.test(error.message);

const STORE = { contextId: 3, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid: '1.2.3' };

async function* bytes(...chunks: Buffer[]) {
  yield* chunks;
}

test('a refused connection, and a host that takes the connection and says nothing, are AssociationLost', async () => {
  const closed = await listen();
  closed[Symbol.dispose]();
  await assert.rejects(open(closed.port), lost(/connection-lost: ECONNREFUSED/));
  using silent = await listen();
  await assert.rejects(open(silent.port, { associateMs: 30 }), lost(/timed-out: no answer to A-ASSOCIATE-RQ within 30 ms/));
});

test('an abort in place of an answer, and an answer that is no DICOM, are AssociationLost', async () => {
  for (const [answer, message] of [
    [encodeAbort(2, 1), /aborted-by-peer: A-ABORT, source 2, reason 1/],
    [Buffer.from('HTTP/1.1 400 Bad Request\r\n'), /unrecognized PDU type 0x48/],
    [Buffer.from('15030100020128', 'hex'), /the peer expects TLS/],
  ] as const) {
    using server = await listen();
    const connecting = server.nextPeer();
    const opening = open(server.port);
    const peer = await connecting;
    peer.send(answer);
    await assert.rejects(opening, lost(message));
  }
});

test('an accept of a syntax that was not proposed, or with room for nothing, aborts', async () => {
  for (const [answer, message] of [
    [accept(16_384, '1.2.840.10008.1.2.4.70'), /accepted with what was not proposed/],
    [accept(7), /nothing fits into a maximum length of 7/],
  ] as const) {
    using server = await listen();
    await assert.rejects(opened(server, {}, answer), lost(message));
  }
});

test('small maximum lengths are kept to, and large or no limits mean at most 128 KiB', async () => {
  for (const [maximum, expected] of [
    [8, 8],
    [4096, 4096],
    [0, 131_072],
    [0xffffffff, 131_072],
  ] as const) {
    using server = await listen();
    const { peer, association } = await opened(server, {}, accept(maximum));
    const received: Buffer[] = [];
    peer.socket.on('data', (chunk: Buffer) => received.push(chunk));
    const storing = association.store({ ...STORE, dataSet: bytes(Buffer.alloc(maximum === 8 ? 100 : 300_000)) });
    await peer.next();
    await peer.next();
    peer.send(response({}));
    assert.equal((await storing).status, 0);
    const all = Buffer.concat(received);
    let largest = 0;
    for (let at = 0; at < all.length; at += 6 + all.readUInt32BE(at + 2)) largest = Math.max(largest, all.readUInt32BE(at + 2));
    assert.equal(largest, expected);
  }
});

test('status, comment and elements of the answer come out', async () => {
  using server = await listen();
  const { peer, association } = await opened(server);
  const storing = association.store({ ...STORE, dataSet: bytes(Buffer.from('ab')) });
  await peer.next();
  peer.send(response({ status: 0xa900, errorComment: 'differs', offendingElement: [0x00080018] }));
  assert.deepEqual(await storing, { status: 0xa900, comment: 'differs', offendingElements: [0x00080018] });
});

test('an abort, a lost connection and a release by the peer in the middle of a store are AssociationLost, though the source hangs', async () => {
  for (const [leave, message] of [
    [(peer: RawPeer) => peer.send(encodeAbort(0, 0)), /aborted-by-peer/],
    [(peer: RawPeer) => peer.socket.resetAndDestroy(), /connection-lost: ECONNRESET/],
    [(peer: RawPeer) => peer.send(encodeReleaseRequest()), /released by the peer/],
  ] as const) {
    using server = await listen();
    const { peer, association } = await opened(server);
    const began = Promise.withResolvers<void>();
    async function* hanging() {
      yield Buffer.alloc(100_000);
      began.resolve();
      await new Promise(() => undefined);
    }
    const storing = association.store({ ...STORE, dataSet: hanging() });
    await began.promise;
    leave(peer);
    await assert.rejects(storing, lost(message));
    assert.equal(association.open, false);
    await assert.rejects(association.store({ ...STORE, dataSet: bytes() }), lost(/is over/));
  }
});

test('a source that throws aborts the association, and its own error comes out', async () => {
  using server = await listen();
  const { peer, association } = await opened(server);
  async function* broken() {
    yield Buffer.alloc(20_000);
    throw new Error('object missing');
  }
  await assert.rejects(association.store({ ...STORE, dataSet: broken() }), /object missing/);
  assert.equal((await peer.nextResponse()).field, 1);
  assert.equal(await peer.nextHex(), '7 00000000');
  assert.equal(association.open, false);
});

test('no answer within the limit is AssociationLost and aborts; a slow source is not held against the peer', async () => {
  using server = await listen();
  const { peer, association } = await opened(server, { responseMs: 60 });
  async function* slow() {
    yield Buffer.alloc(10);
    await new Promise((resolve) => setTimeout(resolve, 200));
    yield Buffer.alloc(10);
  }
  const storing = association.store({ ...STORE, dataSet: slow() });
  await assert.rejects(storing, lost(/timed-out: no answer and no progress for 60 ms/));
  assert.equal((await peer.nextResponse()).field, 1);
  const data = await peer.next();
  assert.ok(data !== 'closed' && data.body.length === 20);
  assert.equal(await peer.nextHex(), '7 00000000');
});

test('a peer that takes no data stalls the source, and then is AssociationLost', async () => {
  using server = await listen();
  const { peer, association } = await opened(server, { responseMs: 200 });
  peer.socket.pause();
  let produced = 0;
  async function* endless() {
    for (;;) {
      produced += 65_536;
      yield Buffer.alloc(65_536);
    }
  }
  await assert.rejects(association.store({ ...STORE, dataSet: endless() }), lost(/no progress for 200 ms/));
  assert.ok(produced < 32_000_000, `${produced} bytes were read although none were taken`);
});

test('an answer to another message, of another kind or without a status aborts', async () => {
  for (const fields of [{ messageIdBeingRespondedTo: 2 }, { commandField: 0x8030 }, { status: undefined }]) {
    using server = await listen();
    const { peer, association } = await opened(server);
    const storing = association.store({ ...STORE, dataSet: bytes(Buffer.from('ab')) });
    await peer.next();
    peer.send(response(fields));
    await assert.rejects(storing, lost(/aborted-by-us: response/));
  }
});

test('an answer before the end of the data set waits for it, so that the message is whole', async () => {
  using server = await listen();
  const { peer, association } = await opened(server);
  const resume = Promise.withResolvers<void>();
  async function* halting() {
    yield Buffer.alloc(50_000);
    await resume.promise;
    yield Buffer.from('end!');
  }
  const storing = association.store({ ...STORE, dataSet: halting() });
  await peer.next();
  peer.send(response({ status: 0xa700 }));
  resume.resolve();
  assert.equal((await storing).status, 0xa700);
  const data = await peer.next();
  assert.ok(data !== 'closed' && data.body.length === 50_004);
  assert.ok(association.open);
});

test('a request of the peer is answered with 0211', async () => {
  using server = await listen();
  const { peer } = await opened(server);
  peer.send(encodeCommand(3, encodeCommandSet({ commandField: 0x0100, messageId: 4, commandDataSetType: 0x0101 }), 1000));
  const answer = await peer.nextResponse();
  assert.deepEqual([answer.field, answer.messageId, answer.status], [0x8100, 4, 0x0211]);
});

test('a release collision is resolved as PS3.8 section 9.2 says', async () => {
  using server = await listen();
  const { peer, association } = await opened(server);
  const releasing = association.release();
  assert.equal(await peer.nextHex(), '5 00000000');
  peer.send(encodeReleaseRequest());
  assert.equal(await peer.nextHex(), '6 00000000');
  peer.send(encodeReleaseResponse());
  await releasing;
  assert.equal(await peer.next(), 'closed');
});

test('a release without an answer is AssociationLost, and one of an ended association does nothing', async () => {
  using server = await listen();
  const { peer, association } = await opened(server, { responseMs: 40 });
  await assert.rejects(association.release(), lost(/no answer to A-RELEASE-RQ within 40 ms/));
  await association.release();
  assert.equal(await peer.nextHex(), '5 00000000');
});

test('a second operation while one is under way is refused without harm to the first', async () => {
  using server = await listen();
  const { peer, association } = await opened(server);
  const storing = association.store({ ...STORE, dataSet: bytes(Buffer.from('ab')) });
  await assert.rejects(association.echo(), /one operation at a time/);
  await assert.rejects(association.store({ ...STORE, contextId: 9, dataSet: bytes() }), /context 9 was not accepted/);
  await peer.next();
  peer.send(response({}));
  assert.equal((await storing).status, 0);
});

test('abort tells the peer and rejects what is under way', async () => {
  using server = await listen();
  const { peer, association } = await opened(server);
  const echoing = association.echo();
  association.abort();
  await assert.rejects(echoing, lost(/aborted by us/));
  await peer.next();
  assert.equal(await peer.nextHex(), '7 00000000');
});
