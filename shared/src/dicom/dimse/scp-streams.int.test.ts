// What peers may send and no toolkit does: our SCP against raw sockets, PDVs and commands in every legal arrangement.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encodeAssociateRequest, encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import { encodeCommandSet } from './command-set.ts';
import {
  associateRaw,
  associateRq,
  COMMAND,
  connectRaw,
  DATA,
  dataPdu,
  echoRq,
  LAST_DATA,
  pdv,
  RAW_CONTEXTS,
  storeMessage,
  storeRq,
} from './raw-peer-for-tests.ts';
import type { DataSetSink } from './scp.ts';
import { CT_IMAGE_STORAGE, startScp, TEST_IMPLEMENTATION } from './scp-for-tests.ts';

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

test('an association, an echo and a store sent byte by byte are understood', async () => {
  await using scp = await startScp();
  const peer = await connectRaw(scp.port);
  await peer.sendByteByByte(associateRq());
  assert.equal((await peer.next()) !== 'closed', true);
  await peer.sendByteByByte(dataPdu(pdv(1, COMMAND, echoRq(1))));
  assert.equal((await peer.nextResponse()).status, 0);
  const data = randomBytes(300);
  await peer.sendByteByByte(storeMessage(2, data, 100));
  assert.deepEqual([(await peer.nextResponse()).status, scp.stored[0]?.sha256], [0, sha256(data)]);
  await peer.sendByteByByte(encodeReleaseRequest());
  assert.equal(await peer.nextHex(), '6 00000000');
});

test('command and data in one PDU, and data PDVs two by two, are stored byte for byte', async () => {
  await using scp = await startScp();
  const peer = await associateRaw(scp.port);
  const data = randomBytes(40_000);
  const part = (from: number, to: number, control = DATA) => pdv(3, control, data.subarray(from, to));
  peer.send(
    dataPdu(pdv(3, COMMAND, storeRq(1)), part(0, 1000)),
    dataPdu(part(1000, 20_000), part(20_000, 30_000)),
    dataPdu(part(30_000, 39_999), part(39_999, 40_000, LAST_DATA)),
  );
  const response = await peer.nextResponse();
  assert.deepEqual([response.field, response.messageId, response.status], [0x8001, 1, 0]);
  assert.equal(response.command.text('affectedSopInstanceUid'), '1.2.3.1');
  assert.equal(response.command.text('affectedSopClassUid'), CT_IMAGE_STORAGE);
  assert.equal(scp.stored[0]?.sha256, sha256(data));
});

test('a command cut into many PDVs over several PDUs is understood', async () => {
  await using scp = await startScp();
  const peer = await associateRaw(scp.port);
  const command = storeRq(1);
  const pieces = Array.from({ length: command.length }, (_, at) => pdv(3, at === command.length - 1 ? 3 : 1, command.subarray(at, at + 1)));
  peer.send(
    dataPdu(...pieces.slice(0, 50)),
    dataPdu(...pieces.slice(50)),
    dataPdu(pdv(3, DATA, Buffer.alloc(0)), pdv(3, LAST_DATA, Buffer.from('ab'))),
  );
  assert.equal((await peer.nextResponse()).status, 0);
  assert.equal(scp.stored[0]?.bytes, 2);
});

test('requests sent without waiting for answers are answered in order, and none loses a byte to a slow sink', async () => {
  const received: string[] = [];
  await using scp = await startScp({
    storeRequested: (_association, request) => slowSink((bytes) => received.push(`${request.messageId} ${sha256(bytes)}`)),
  });
  const peer = await associateRaw(scp.port);
  const dataSets = Array.from({ length: 20 }, (_, index) => randomBytes(5000 * index + 1));
  const messages = dataSets.map((data, index) => storeMessage(index + 1, data));
  peer.send(...messages, dataPdu(pdv(1, COMMAND, echoRq(99))), encodeReleaseRequest());
  for (let index = 0; index < 20; index++) assert.equal((await peer.nextResponse()).messageId, index + 1);
  assert.equal((await peer.nextResponse()).field, 0x8030);
  assert.equal(await peer.nextHex(), '6 00000000');
  assert.deepEqual(
    received,
    dataSets.map((data, index) => `${index + 1} ${sha256(data)}`),
  );
});

/** Takes each chunk after a turn of the event loop and ends after another. */
function slowSink(ended: (bytes: Buffer) => void): DataSetSink {
  const chunks: Buffer[] = [];
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  return {
    async write(chunk) {
      chunks.push(Buffer.from(chunk));
      await turn();
    },
    async end() {
      await turn();
      ended(Buffer.concat(chunks));
      return { status: 0 };
    },
    abort() {},
  };
}

test('128 contexts in descending order are all answered, once each and in the same order', async () => {
  await using scp = await startScp();
  const contexts = Array.from({ length: 128 }, (_, index) => ({
    id: 255 - 2 * index,
    abstractSyntaxUid: index % 2 === 0 ? CT_IMAGE_STORAGE : `1.2.3.${index}`,
    transferSyntaxUids: ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1'],
  }));
  const peer = await connectRaw(scp.port);
  peer.send(associateRq(contexts));
  const answer = await peer.next();
  assert.ok(answer !== 'closed' && answer.type === 2);
  const { decodeAssociateAccept } = await import('../upper-layer/associate-decoder.ts');
  const answers = decodeAssociateAccept(answer.body).contexts;
  assert.deepEqual(
    answers.map(({ id, result }) => [id, result]),
    contexts.map(({ id }, index) => [id, index % 2 === 0 ? 0 : 3]),
  );
  peer.send(dataPdu(pdv(255, COMMAND, storeRq(1)), pdv(255, LAST_DATA, Buffer.from('ab'))));
  assert.equal((await peer.nextResponse()).status, 0);
});

for (const maxPduBytes of [0, 8, 64, 4096, 0xffffffff]) {
  test(`no answer exceeds a peer's maximum length of ${maxPduBytes}`, async () => {
    await using scp = await startScp();
    const peer = await associateRaw(scp.port, associateRq(RAW_CONTEXTS, maxPduBytes));
    let largest = 0;
    const received: Buffer[] = [];
    peer.socket.on('data', (chunk: Buffer) => received.push(chunk));
    peer.send(dataPdu(pdv(1, COMMAND, echoRq(1))));
    assert.equal((await peer.nextResponse()).status, 0);
    const bytes = Buffer.concat(received);
    for (let at = 0; at < bytes.length; at += 6 + bytes.readUInt32BE(at + 2)) largest = Math.max(largest, bytes.readUInt32BE(at + 2));
    if (maxPduBytes > 0) assert.ok(largest <= maxPduBytes, `${largest}`);
    if (maxPduBytes === 0) assert.ok(bytes.length < 200);
  });
}

test('a maximum length into which nothing fits is rejected for good', async () => {
  await using scp = await startScp();
  const peer = await connectRaw(scp.port);
  peer.send(associateRq(RAW_CONTEXTS, 7));
  assert.equal(await peer.nextHex(), '3 00010101');
});

test('our own limit is advertised, whatever the peer advertises', async () => {
  await using scp = await startScp({ limits: { maxPduBytes: 5000 } });
  const peer = await connectRaw(scp.port);
  peer.send(associateRq(RAW_CONTEXTS, 4096));
  const answer = await peer.next();
  assert.ok(answer !== 'closed');
  const { decodeAssociateAccept } = await import('../upper-layer/associate-decoder.ts');
  assert.equal(decodeAssociateAccept(answer.body).maxPduBytes, 5000);
});

test('an unknown operation is answered with 0211 after its data set was dropped, and the association goes on', async () => {
  await using scp = await startScp();
  const peer = await associateRaw(scp.port);
  const find = encodeCommandSet({ affectedSopClassUid: '1.2', commandField: 0x20, messageId: 5, priority: 0, commandDataSetType: 1 });
  peer.send(dataPdu(pdv(3, COMMAND, find), pdv(3, LAST_DATA, Buffer.from('abcd'))));
  const response = await peer.nextResponse();
  assert.deepEqual([response.field, response.messageId, response.status], [0x8020, 5, 0x0211]);
  peer.send(dataPdu(pdv(1, COMMAND, echoRq(6))));
  assert.equal((await peer.nextResponse()).messageId, 6);
});

test('C-CANCEL and a response nobody asked for are passed over', async () => {
  await using scp = await startScp();
  const peer = await associateRaw(scp.port);
  const cancel = encodeCommandSet({ commandField: 0x0fff, messageIdBeingRespondedTo: 5, commandDataSetType: 0x0101 });
  const response = encodeCommandSet({ commandField: 0x8100, messageIdBeingRespondedTo: 5, commandDataSetType: 0x0101, status: 0 });
  peer.send(dataPdu(pdv(1, COMMAND, cancel)), dataPdu(pdv(1, COMMAND, response)), dataPdu(pdv(1, COMMAND, echoRq(6))));
  assert.equal((await peer.nextResponse()).messageId, 6);
  assert.equal((await scp.nextEvent()).kind, 'unexpected-response');
});

const REFUSED: [name: string, request: Buffer, status: number, offending: number[]][] = [
  ['without a data set', storeRq(1, { commandDataSetType: 0x0101 }), 0xc000, []],
  ['without a SOP Instance UID', storeRq(1, { affectedSopInstanceUid: undefined }), 0xa900, [0x00001000]],
  ['without a SOP Class UID', storeRq(1, { affectedSopClassUid: '' }), 0xa900, [0x00000002]],
  ['with a SOP Instance UID of 65 characters', storeRq(1, { affectedSopInstanceUid: '1'.repeat(65) }), 0xa900, [0x00001000]],
];

for (const [name, request, status, offending] of REFUSED) {
  test(`a C-STORE-RQ ${name} is refused without asking for a sink`, async () => {
    await using scp = await startScp({ storeRequested: () => assert.fail('asked') });
    const peer = await associateRaw(scp.port);
    const data = status === 0xc000 ? [] : [pdv(3, LAST_DATA, Buffer.from('ab'))];
    peer.send(dataPdu(pdv(3, COMMAND, request), ...data));
    const response = await peer.nextResponse();
    assert.equal(response.status, status);
    assert.deepEqual(response.command.tags('offendingElement'), offending);
    peer.send(dataPdu(pdv(1, COMMAND, echoRq(6))));
    assert.equal((await peer.nextResponse()).messageId, 6);
  });
}

test('a refusal by the handler is sent after the data set was dropped, with its comment and elements', async () => {
  await using scp = await startScp({
    storeRequested: () => ({ status: 0xa901, comment: 'class differs', offendingElements: [0x00080016] }),
  });
  const peer = await associateRaw(scp.port);
  peer.send(storeMessage(1, randomBytes(100_000)));
  const { status, command } = await peer.nextResponse();
  assert.deepEqual([status, command.text('errorComment'), command.tags('offendingElement')], [0xa901, 'class differs', [0x00080016]]);
});

test('a handler that throws is answered with A700, and with a reject 2,3,1 for an association', async () => {
  await using store = await startScp({ storeRequested: () => assert.fail('bug') });
  const peer = await associateRaw(store.port);
  peer.send(storeMessage(1, Buffer.from('ab')));
  assert.equal((await peer.nextResponse()).status, 0xa700);
  await using refusing = await startScp({ associationRequested: () => Promise.reject(new Error('bug')) });
  const other = await connectRaw(refusing.port);
  other.send(associateRq());
  assert.equal(await other.nextHex(), '3 00020301');
});

test('AE titles reach the handler trimmed, and go back as they came', async () => {
  const asked: string[] = [];
  await using scp = await startScp({
    associationRequested: (request) => {
      asked.push(request.calledAe, request.callingAe, request.peer.address, request.peer.listener);
      return { contexts: [] };
    },
  });
  const peer = await connectRaw(scp.port);
  peer.send(
    encodeAssociateRequest({ calledAe: '  CALLED', callingAe: 'A B', contexts: [], maxPduBytes: 0, implementation: TEST_IMPLEMENTATION }),
  );
  const answer = await peer.next();
  assert.ok(answer !== 'closed');
  assert.equal(answer.body.toString('latin1', 4, 36), '  CALLED        A B             ');
  assert.deepEqual(asked, ['CALLED', 'A B', '127.0.0.1', 'test']);
});
