// N-ACTION and N-EVENT-REPORT: on the association of the request, and on one of our own with the roles turned round.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { decodeAssociateRequest } from '../upper-layer/associate-decoder.ts';
import { PDU_TYPE } from '../upper-layer/pdu-fields.ts';
import { encodeAssociateAccept, encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import { COMMAND_FIELD, NO_DATA_SET } from './command-elements.ts';
import { type CommandFields, CommandSet, encodeCommandSet } from './command-set.ts';
import type { EventReporter } from './event-report.ts';
import { associateRaw, associateRq, COMMAND, dataPdu, echoRq, LAST_DATA, pdv, RawPeer } from './raw-peer-for-tests.ts';
import type { NActionRequest, ScpHandlers } from './scp.ts';
import { startScp, TEST_IMPLEMENTATION, VERIFICATION } from './scp-for-tests.ts';
import { AssociationLost, associate } from './scu.ts';

const SOP_CLASS = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const CONTEXTS = [
  { id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: [IMPLICIT_VR_LITTLE_ENDIAN] },
  { id: 5, abstractSyntaxUid: SOP_CLASS, transferSyntaxUids: [IMPLICIT_VR_LITTLE_ENDIAN] },
];
const EVENT = {
  affectedSopClassUid: SOP_CLASS,
  affectedSopInstanceUid: INSTANCE,
  eventTypeId: 1,
  dataSet: () => Buffer.from('event information'),
};

const actionRq = (messageId: number, more: CommandFields = {}): Buffer =>
  encodeCommandSet({
    requestedSopClassUid: SOP_CLASS,
    commandField: COMMAND_FIELD.nActionRq,
    messageId,
    commandDataSetType: 1,
    requestedSopInstanceUid: INSTANCE,
    actionTypeId: 1,
    ...more,
  });

const eventRsp = (messageId: number, status = 0): Buffer =>
  dataPdu(
    pdv(
      5,
      COMMAND,
      encodeCommandSet({
        commandField: COMMAND_FIELD.nEventReportRsp,
        messageIdBeingRespondedTo: messageId,
        commandDataSetType: NO_DATA_SET,
        status,
      }),
    ),
  );

interface Taken {
  readonly request: NActionRequest;
  readonly information: string;
  readonly reporter: EventReporter;
}

async function startActionScp(status = 0) {
  const taken: Taken[] = [];
  const actionRequested: ScpHandlers['actionRequested'] = (_, request, reporter) => {
    const chunks: Buffer[] = [];
    return {
      write: (chunk) => void chunks.push(Buffer.from(chunk)),
      end: async () => {
        taken.push({ request, information: Buffer.concat(chunks).toString(), reporter });
        return { status };
      },
      abort: () => {},
    };
  };
  const scp = await startScp({
    actionRequested,
    associationRequested: ({ contexts }) => ({
      contexts: contexts.map(({ id, transferSyntaxUids }) => ({ id, result: 0, transferSyntaxUid: transferSyntaxUids[0]! })),
    }),
  });
  return { scp, taken };
}

const actionMessage = (messageId: number): Buffer =>
  Buffer.concat([dataPdu(pdv(5, COMMAND, actionRq(messageId))), dataPdu(pdv(5, LAST_DATA, Buffer.from('action information')))]);

/** The next command with its data set, as far as one is announced. */
async function nextMessage(peer: RawPeer): Promise<{ command: CommandSet; dataSet: string }> {
  const pdu = await peer.next();
  assert.ok(pdu !== 'closed' && pdu.type === PDU_TYPE.pDataTf);
  const command = CommandSet.decode(pdu.body);
  if (command.number('commandDataSetType') === NO_DATA_SET) return { command, dataSet: '' };
  const data = await peer.next();
  assert.ok(data !== 'closed');
  return { command, dataSet: data.body.toString() };
}

test('an N-ACTION reaches its handler with its information, and is answered with class, instance and action type', async () => {
  const { scp, taken } = await startActionScp(0x0115);
  await using _ = scp;
  const peer = await associateRaw(scp.port, associateRq(CONTEXTS));
  peer.send(actionMessage(7));
  const { field, messageId, status, command } = await peer.nextResponse();
  assert.deepEqual([field, messageId, status], [COMMAND_FIELD.nActionRsp, 7, 0x0115]);
  assert.equal(command.text('affectedSopClassUid'), SOP_CLASS);
  assert.equal(command.text('affectedSopInstanceUid'), INSTANCE);
  assert.equal(command.number('actionTypeId'), 1);
  assert.equal(taken[0]!.information, 'action information');
  assert.deepEqual([taken[0]!.request.requestedSopInstanceUid, taken[0]!.request.actionTypeId], [INSTANCE, 1]);
  peer.socket.destroy();
});

test('an N-ACTION without a data set is ended at once, and one without a handler is answered 0211', async () => {
  const { scp, taken } = await startActionScp(0);
  await using _ = scp;
  const peer = await associateRaw(scp.port, associateRq(CONTEXTS));
  peer.send(dataPdu(pdv(5, COMMAND, actionRq(1, { commandDataSetType: NO_DATA_SET }))));
  assert.equal((await peer.nextResponse()).status, 0);
  assert.equal(taken[0]!.request.hasDataSet, false);
  peer.socket.destroy();
  await using plain = await startScp();
  const other = await associateRaw(plain.port);
  other.send(dataPdu(pdv(1, COMMAND, actionRq(1, { commandDataSetType: NO_DATA_SET }))));
  assert.equal((await other.nextResponse()).status, 0x0211);
  other.socket.destroy();
});

test('events go out on the same association one after the other, never while the peer waits for an answer', async () => {
  const { scp, taken } = await startActionScp();
  await using _ = scp;
  const peer = await associateRaw(scp.port, associateRq(CONTEXTS));
  peer.send(actionMessage(1));
  await peer.nextResponse();
  const { reporter } = taken[0]!;
  const first = reporter.report(EVENT, 5_000);
  const second = reporter.report({ ...EVENT, eventTypeId: 2 }, 5_000);
  const { command, dataSet } = await nextMessage(peer);
  assert.equal(command.number('commandField'), COMMAND_FIELD.nEventReportRq);
  assert.equal(command.number('eventTypeId'), 1);
  assert.equal(dataSet, 'event information');
  // The second waits for the answer to the first; an echo in between is served.
  peer.send(dataPdu(pdv(1, COMMAND, echoRq(9))));
  assert.equal((await peer.nextResponse()).messageId, 9);
  peer.send(eventRsp(command.number('messageId')!));
  assert.equal((await first).status, 0);
  const next = await nextMessage(peer);
  assert.equal(next.command.number('eventTypeId'), 2);
  peer.send(eventRsp(next.command.number('messageId')!, 0x0110));
  assert.equal((await second).status, 0x0110);
  peer.socket.destroy();
});

test('an event whose response never comes is given up, and the end of the association ends what waits', async () => {
  const { scp, taken } = await startActionScp();
  await using _ = scp;
  const peer = await associateRaw(scp.port, associateRq(CONTEXTS));
  peer.send(actionMessage(1));
  await peer.nextResponse();
  const { reporter } = taken[0]!;
  await assert.rejects(reporter.report(EVENT, 50), AssociationLost);
  const waiting = reporter.report(EVENT, 60_000);
  assert.equal(reporter.isOpen, true);
  peer.send(encodeReleaseRequest());
  await assert.rejects(waiting, AssociationLost);
  assert.equal(reporter.isOpen, false);
  await assert.rejects(reporter.report(EVENT, 60_000), AssociationLost);
  peer.socket.destroy();
});

test('our own association proposes the SCP role and carries an N-EVENT-REPORT', async () => {
  const { createServer } = await import('node:net');
  const proposed = Promise.withResolvers<ReturnType<typeof decodeAssociateRequest>>();
  const received = Promise.withResolvers<{ command: CommandSet; dataSet: string }>();
  const server = createServer(async (socket) => {
    const peer = new RawPeer(socket);
    const request = await peer.next();
    assert.ok(request !== 'closed');
    const decoded = decodeAssociateRequest(request.body);
    proposed.resolve(decoded);
    const contexts = decoded.contexts.map(({ id, transferSyntaxUids }) => ({
      id,
      result: 0 as const,
      transferSyntaxUid: transferSyntaxUids[0]!,
    }));
    const { addressing, roles } = decoded;
    peer.send(encodeAssociateAccept({ addressing, contexts, roles, maxPduBytes: 16_384, implementation: TEST_IMPLEMENTATION }));
    const message = await nextMessage(peer);
    received.resolve(message);
    peer.send(eventRsp(message.command.number('messageId')!));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const association = await associate({
    host: '127.0.0.1',
    port,
    callingAe: 'GATEWAY',
    calledAe: 'CT1',
    contexts: [CONTEXTS[1]!],
    roles: [{ sopClassUid: SOP_CLASS, scu: false, scp: true }],
    implementation: TEST_IMPLEMENTATION,
    timeouts: { connectMs: 5_000, associateMs: 5_000, responseMs: 5_000 },
  });
  assert.deepEqual((await proposed.promise).roles, [{ sopClassUid: SOP_CLASS, scu: false, scp: true }]);
  assert.deepEqual(association.roles, [{ sopClassUid: SOP_CLASS, scu: false, scp: true }]);
  const dataSet = (async function* () {
    yield Buffer.from('event information');
  })();
  const status = await association.reportEvent({ contextId: 5, sopClassUid: SOP_CLASS, sopInstanceUid: INSTANCE, eventTypeId: 2, dataSet });
  assert.equal(status.status, 0);
  const { command, dataSet: information } = await received.promise;
  assert.deepEqual([command.number('commandField'), command.number('eventTypeId')], [COMMAND_FIELD.nEventReportRq, 2]);
  assert.equal(information, 'event information');
  association.abort();
  server.close();
});

test('what an association came to is counted: instances, bytes, and each answer', async () => {
  const summaries: unknown[] = [];
  const rejected: unknown[] = [];
  const ended = Promise.withResolvers<void>();
  await using scp = await startScp({
    associationEnded: (association, end, { instances, dataSetBytes, responses, maxPduBytes }) => {
      summaries.push({ end: end.kind, contexts: association.contexts, instances, dataSetBytes, maxPduBytes, responses: [...responses] });
      ended.resolve();
    },
    associationRejected: (request, { because }) => rejected.push([request.callingAe, because]),
    limits: { associationsPerSource: 1 },
  });
  const peer = await associateRaw(scp.port);
  const { connectRaw, storeMessage } = await import('./raw-peer-for-tests.ts');
  const second = await connectRaw(scp.port);
  second.send(associateRq());
  const answer = await second.next();
  assert.ok(answer !== 'closed' && answer.type === PDU_TYPE.associateRj);
  second.socket.destroy();
  peer.send(
    storeMessage(1, Buffer.alloc(100)),
    dataPdu(pdv(1, COMMAND, echoRq(2))),
    dataPdu(pdv(3, COMMAND, actionRq(3, { commandDataSetType: NO_DATA_SET }))),
  );
  for (let n = 0; n < 3; n += 1) await peer.nextResponse();
  peer.send(encodeReleaseRequest());
  await ended.promise;
  const contexts = [
    { id: 1, result: 0, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN },
    { id: 3, result: 0, transferSyntaxUid: '1.2.840.10008.1.2.1' },
  ];
  const responses = [
    ['C-STORE 0000', 1],
    ['C-ECHO 0000', 1],
    ['N-ACTION 0211', 1],
  ];
  assert.deepEqual(summaries, [{ end: 'released', contexts, instances: 1, dataSetBytes: 100, maxPduBytes: 131_072, responses }]);
  assert.deepEqual(rejected, [['RAW', '1 associations are open from there, the limit is 1 (associationsPerSource)']]);
  peer.socket.destroy();
});
