// N-ACTION as user, and the N-EVENT-REPORTs that answer it: on our own association at any time, and on one that the provider opens.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, test } from 'node:test';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { decodeAssociateRequest } from '../upper-layer/associate-decoder.ts';
import { PDU_TYPE } from '../upper-layer/pdu-fields.ts';
import { encodeAssociateAccept } from '../upper-layer/pdu-writer.ts';
import { COMMAND_FIELD, NO_DATA_SET } from './command-elements.ts';
import { type CommandFields, CommandSet, encodeCommandSet } from './command-set.ts';
import { associateRaw, associateRq, COMMAND, DATA, dataPdu, LAST_DATA, pdv, RawPeer } from './raw-peer-for-tests.ts';
import type { DataSetSink, NEventReportRequest } from './scp.ts';
import { startScp, TEST_IMPLEMENTATION } from './scp-for-tests.ts';
import { type AssociateOptions, type Association, associate } from './scu.ts';

const SOP_CLASS = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const CONTEXTS = [
  { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [IMPLICIT_VR_LITTLE_ENDIAN] },
  { id: 5, abstractSyntaxUid: SOP_CLASS, transferSyntaxUids: [IMPLICIT_VR_LITTLE_ENDIAN] },
];
const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

interface Heard {
  readonly request: NEventReportRequest;
  readonly information: string;
}

/** Takes events, and answers each with the status. */
function listener(status = 0) {
  const heard: Heard[] = [];
  const eventReported = (request: NEventReportRequest): DataSetSink => {
    const chunks: Buffer[] = [];
    return {
      write: (chunk) => void chunks.push(Buffer.from(chunk)),
      end: async () => {
        heard.push({ request, information: Buffer.concat(chunks).toString() });
        return { status };
      },
      abort: () => {},
    };
  };
  return { heard, eventReported };
}

/** An archive made of bytes, and our association to it. */
async function associateWith(more: Partial<AssociateOptions>): Promise<{ peer: RawPeer; association: Association }> {
  const accepted = Promise.withResolvers<RawPeer>();
  const server = createServer(async (socket) => {
    const peer = new RawPeer(socket);
    const request = await peer.next();
    assert.ok(request !== 'closed');
    const { addressing, contexts } = decodeAssociateRequest(request.body);
    const answers = contexts.map(({ id, transferSyntaxUids }) => ({ id, result: 0 as const, transferSyntaxUid: transferSyntaxUids[0]! }));
    peer.send(
      encodeAssociateAccept({ addressing, contexts: answers, roles: [], maxPduBytes: 16_384, implementation: TEST_IMPLEMENTATION }),
    );
    accepted.resolve(peer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const association = await associate({
    ...{ host: '127.0.0.1', port, callingAe: 'GATEWAY', calledAe: 'ARCHIVE', contexts: CONTEXTS, implementation: TEST_IMPLEMENTATION },
    timeouts: { connectMs: 5_000, associateMs: 5_000, responseMs: 60_000 },
    ...more,
  });
  const peer = await accepted.promise;
  closers.push(() => {
    association.abort();
    peer.socket.destroy();
    server.close();
  });
  return { peer, association };
}

async function* once(text: string): AsyncGenerator<Buffer> {
  yield Buffer.from(text);
}

async function nextCommand(peer: RawPeer): Promise<CommandSet> {
  const pdu = await peer.next();
  assert.ok(pdu !== 'closed' && pdu.type === PDU_TYPE.pDataTf);
  return CommandSet.decode(pdu.body);
}

const eventRq = (messageId: number, more: CommandFields = {}): Buffer =>
  encodeCommandSet({
    affectedSopClassUid: SOP_CLASS,
    commandField: COMMAND_FIELD.nEventReportRq,
    messageId,
    commandDataSetType: 1,
    affectedSopInstanceUid: INSTANCE,
    eventTypeId: 2,
    ...more,
  });
const event = (messageId: number): Buffer =>
  Buffer.concat([
    dataPdu(pdv(5, COMMAND, eventRq(messageId))),
    dataPdu(pdv(5, DATA, Buffer.from('event '))),
    dataPdu(pdv(5, LAST_DATA, Buffer.from('information'))),
  ]);
const response = (contextId: number, commandField: number, messageIdBeingRespondedTo: number): Buffer =>
  dataPdu(
    pdv(contextId, COMMAND, encodeCommandSet({ commandField, messageIdBeingRespondedTo, commandDataSetType: NO_DATA_SET, status: 0x0213 })),
  );

test('an N-ACTION goes out with its information, and the event that answers it comes in on the same association', async () => {
  const { heard, eventReported } = listener();
  const { peer, association } = await associateWith({ eventReported });
  const action = { contextId: 5, sopClassUid: SOP_CLASS, sopInstanceUid: INSTANCE, actionTypeId: 1, dataSet: once('action information') };
  const answer = association.requestAction(action);
  const command = await nextCommand(peer);
  assert.deepEqual(
    [command.number('commandField'), command.text('requestedSopClassUid'), command.text('requestedSopInstanceUid')],
    [COMMAND_FIELD.nActionRq, SOP_CLASS, INSTANCE],
  );
  assert.equal(command.number('actionTypeId'), 1);
  const data = await peer.next();
  assert.ok(data !== 'closed' && data.body.toString() === 'action information');
  peer.send(response(5, COMMAND_FIELD.nActionRsp, command.number('messageId')!));
  assert.equal((await answer).status, 0x0213);
  peer.send(event(77));
  const heardBy = await peer.nextResponse();
  assert.deepEqual([heardBy.field, heardBy.messageId, heardBy.status], [COMMAND_FIELD.nEventReportRsp, 77, 0]);
  assert.deepEqual(
    [heardBy.command.text('affectedSopClassUid'), heardBy.command.text('affectedSopInstanceUid'), heardBy.command.number('eventTypeId')],
    [SOP_CLASS, INSTANCE, 2],
  );
  const { request, information } = heard[0]!;
  assert.deepEqual([request.eventTypeId, request.affectedSopInstanceUid, information], [2, INSTANCE, 'event information']);
});

test('an event that comes while a data set is being sent is answered behind it, never between its fragments', async () => {
  const { heard, eventReported } = listener();
  const { peer, association } = await associateWith({ eventReported });
  const more = Promise.withResolvers<void>();
  const dataSet = (async function* () {
    yield Buffer.alloc(40_000, 1);
    await more.promise;
    yield Buffer.alloc(10, 2);
  })();
  const stored = association.store({ contextId: 1, sopClassUid: CT, sopInstanceUid: '1.2.3', dataSet });
  const command = await nextCommand(peer);
  peer.send(event(9));
  while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
  more.resolve();
  const data = await peer.next();
  assert.ok(data !== 'closed' && data.body.equals(Buffer.concat([Buffer.alloc(40_000, 1), Buffer.alloc(10, 2)])));
  assert.equal((await peer.nextResponse()).messageId, 9);
  peer.send(response(1, COMMAND_FIELD.cStoreRsp, command.number('messageId')!));
  assert.equal((await stored).status, 0x0213);
});

test('an event that nobody takes is answered 0211, with its data set read', async () => {
  const { peer, association } = await associateWith({});
  peer.send(event(3));
  assert.equal((await peer.nextResponse()).status, 0x0211);
  peer.send(event(4));
  assert.equal((await peer.nextResponse()).messageId, 4);
  assert.equal(association.open, true);
});

test('an event on an association of the provider reaches the handler, and 0211 is the answer where there is none', async () => {
  const { heard, eventReported } = listener(0x0115);
  const acceptAll = ({ contexts }: { contexts: typeof CONTEXTS }) => ({
    contexts: contexts.map(({ id, transferSyntaxUids }) => ({ id, result: 0 as const, transferSyntaxUid: transferSyntaxUids[0]! })),
  });
  await using scp = await startScp({
    associationRequested: (request) => acceptAll(request as never),
    eventReported: (_, request) => eventReported(request),
  });
  const peer = await associateRaw(scp.port, associateRq(CONTEXTS));
  peer.send(event(1));
  const answer = await peer.nextResponse();
  assert.deepEqual([answer.field, answer.status, answer.command.number('eventTypeId')], [COMMAND_FIELD.nEventReportRsp, 0x0115, 2]);
  assert.equal(heard[0]!.information, 'event information');
  peer.socket.destroy();
  await using plain = await startScp({ associationRequested: (request) => acceptAll(request as never) });
  const other = await associateRaw(plain.port, associateRq(CONTEXTS));
  other.send(event(1));
  assert.equal((await other.nextResponse()).status, 0x0211);
  other.socket.destroy();
});
