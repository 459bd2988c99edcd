// Storage commitment requests over real sockets, from a friendly modality and from one that does what no toolkit does.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { defaultGatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { COMMAND_FIELD, NO_DATA_SET } from '@causeway/shared/dicom/dimse/command-elements';
import { type CommandFields, encodeCommandSet } from '@causeway/shared/dicom/dimse/command-set';
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
  type RawPeer,
  storeRq,
} from '@causeway/shared/dicom/dimse/raw-peer-for-tests';
import { type AcceptedAssociation, createScp, type DataSetSink, type NActionRequest, type Scp } from '@causeway/shared/dicom/dimse/scp';
import { encodeEventInformation } from '@causeway/shared/dicom/storage-commitment/event-information';
import { encodeAbort } from '@causeway/shared/dicom/upper-layer/pdu-writer';
import { type CommitmentAnswer, commitmentAnswer, commitmentDue, commitmentRequest } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { createLogger } from '@causeway/shared/logger';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { readJsonObject } from '@causeway/shared/object-store/json-objects';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { answerAssociation } from './answer-association.ts';
import { type CommitmentsParts, createCommitments } from './commitments.ts';
import { MAX_REFERENCES, requestMemory, takeCommitment } from './take-commitment.ts';

const PUSH_MODEL = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const MPPS = '1.2.840.10008.3.1.2.3.3';
const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const CONTEXT = 5;
const CONTEXTS = [
  { id: 1, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: [IMPLICIT] },
  { id: CONTEXT, abstractSyntaxUid: PUSH_MODEL, transferSyntaxUids: [IMPLICIT] },
];
const log = createLogger('receiver', 'silent');
const documentWith = (custody: string) =>
  parseGatewayDocument({ ...defaultGatewayDocument('http://127.0.0.1:1/dicom-web'), limits: { custody } });
/** Longer than a busy machine takes. */
const PATIENT = documentWith('60s');
let document = PATIENT;

let folder: string;
let store: Awaited<ReturnType<typeof openFolderStore>>;
let bus: RecordingBus;
let scp: Scp;
let port: number;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'causeway-commitments-'));
  store = await openFolderStore(folder);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await scp?.drain(0);
  for await (const { key } of store.list('commitments/')) await store.delete(key);
  bus = new RecordingBus();
  document = PATIENT;
  const commitments = createCommitments({ bus, store, log, document: () => document });
  scp = createScp({
    handlers: {
      associationRequested: (request) => answerAssociation(document, request),
      storeRequested: () => ({ status: 0x0122 }),
      actionRequested: commitments.actionRequested,
      associationEnded: ({ id }) => commitments.associationEnded(id),
    },
    limits: () => ({ associations: 20, associationsPerSource: 20, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 5_000 }),
    implementation: { classUid: '1.2.3', versionName: 'TEST' },
    report: () => {},
  });
  ({ port } = await scp.listen({ id: 'test', host: '127.0.0.1', port: 0 }));
});
after(() => scp.drain(0));

const referencesTo = (count: number) => Array.from({ length: count }, (_, n) => ({ sopClassUid: CT, sopInstanceUid: `1.2.3.${n}` }));
const information = (count = 2): Buffer =>
  encodeEventInformation({ transactionUid: '1.2.9', committed: referencesTo(count), failed: [] }, IMPLICIT);
const actionRq = (more: CommandFields = {}): Buffer =>
  encodeCommandSet({
    requestedSopClassUid: PUSH_MODEL,
    commandField: COMMAND_FIELD.nActionRq,
    messageId: 1,
    commandDataSetType: 1,
    requestedSopInstanceUid: INSTANCE,
    actionTypeId: 1,
    ...more,
  });

function sendAction(peer: RawPeer, bytes: Buffer, { command = actionRq(), context = CONTEXT } = {}): void {
  peer.send(dataPdu(pdv(context, COMMAND, command)));
  const step = 16_000;
  for (let at = 0; at < bytes.length || at === 0; at += step) {
    peer.send(dataPdu(pdv(context, at + step >= bytes.length ? LAST_DATA : DATA, bytes.subarray(at, at + step))));
  }
}

async function statusOf(bytes: Buffer, more: Parameters<typeof sendAction>[2] = {}): Promise<string> {
  const peer = await associateRaw(port, associateRq(CONTEXTS));
  try {
    sendAction(peer, bytes, more);
    return (await peer.nextResponse()).status.toString(16).padStart(4, '0');
  } finally {
    peer.socket.destroy();
  }
}

const stored = async (): Promise<string[]> => {
  const keys: string[] = [];
  for await (const { key } of store.list('commitments/')) keys.push(key);
  return keys;
};

describe('a storage commitment request', () => {
  it('is answered 0000 once its references lie in the store and its event is acknowledged', async () => {
    const classes = [...referencesTo(2), { sopClassUid: MPPS, sopInstanceUid: '1.2.4' }];
    const bytes = encodeEventInformation({ transactionUid: '1.2.9', committed: classes, failed: [] }, IMPLICIT);
    assert.equal(await statusOf(bytes), '0000');
    const { commitment } = commitmentDue.parse(bus.published[0]!.event);
    const { callingAe, calledAe, source, references, transactionUid } = commitment;
    assert.deepEqual([callingAe, calledAe, source, references, transactionUid], ['RAW', 'GATEWAY', '127.0.0.1', 3, '1.2.9']);
    const request = await readJsonObject(store, commitment.requestKey, commitmentRequest);
    assert.deepEqual(request.sopClassUids, [CT, MPPS]);
    assert.deepEqual(request.unsupported, [1]);
    assert.deepEqual(request.references, [
      [0, '1.2.3.0'],
      [0, '1.2.3.1'],
      [1, '1.2.4'],
    ]);
    assert.equal(request.commitment.association.id, commitment.association.id);
  });

  it('is refused by what is wrong with it, leaves nothing behind, and the next one is taken', async () => {
    const wrong: [string, Buffer, Parameters<typeof sendAction>[2]?][] = [
      ['0118', information(), { command: actionRq({ requestedSopClassUid: CT }) }],
      ['0118', information(), { command: actionRq({ requestedSopClassUid: '' }) }],
      ['0112', information(), { command: actionRq({ requestedSopInstanceUid: '1.2.3' }) }],
      ['0112', information(), { command: actionRq({ requestedSopInstanceUid: '' }) }],
      ['0123', information(), { command: actionRq({ actionTypeId: 2 }) }],
      ['0123', information(), { command: actionRq({ actionTypeId: '' }) }],
      ['0211', information(), { context: 1 }],
      ['0115', information(0)],
      ['0115', information().subarray(information(0).length)],
      ['0110', Buffer.from('MÜLLER^JÜRGEN, no data set at all')],
      ['0110', information().subarray(0, 30)],
    ];
    for (const [expected, bytes, more] of wrong) assert.equal(await statusOf(bytes, more), expected);
    assert.deepEqual([bus.published.length, await stored()], [0, []]);
    assert.equal(await statusOf(information()), '0000');
  });

  it('without a data set is refused, and no class but storage is stored on its context', async () => {
    const peer = await associateRaw(port, associateRq(CONTEXTS));
    peer.send(dataPdu(pdv(CONTEXT, COMMAND, actionRq({ commandDataSetType: NO_DATA_SET }))));
    assert.equal((await peer.nextResponse()).status, 0x0115);
    peer.send(
      dataPdu(pdv(CONTEXT, COMMAND, storeRq(2, { affectedSopClassUid: PUSH_MODEL }))),
      dataPdu(pdv(CONTEXT, LAST_DATA, Buffer.alloc(8))),
    );
    assert.equal((await peer.nextResponse()).status, 0x0122);
    peer.socket.destroy();
  });

  it('may have 100,000 references and no more', async () => {
    assert.equal(await statusOf(information(MAX_REFERENCES)), '0000');
    assert.equal(commitmentDue.parse(bus.published[0]!.event).commitment.references, MAX_REFERENCES);
    assert.equal(await statusOf(information(MAX_REFERENCES + 1)), '0213');
  });

  it('larger than its limit is read to its end, kept nowhere, and answered 0213', async () => {
    const text = Buffer.alloc(8);
    text.writeUInt16LE(0x0009, 0);
    const large = Buffer.alloc(26 * 1024 ** 2);
    text.writeUInt32LE(large.length, 4);
    assert.equal(await statusOf(Buffer.concat([text, large])), '0213');
    assert.equal(await statusOf(information()), '0000');
  });

  it('is refused when JetStream does not take it, and its object is removed', async () => {
    bus.refusing = true;
    document = documentWith('300ms');
    assert.equal(await statusOf(information()), '0213');
    assert.deepEqual(await stored(), []);
  });

  it('cut off in the middle leaves nothing, and mutated ones (400, seeded) never end the process or its other associations', async () => {
    const bystander = await associateRaw(port, associateRq(CONTEXTS));
    const cut = await associateRaw(port, associateRq(CONTEXTS));
    cut.send(dataPdu(pdv(CONTEXT, COMMAND, actionRq())), dataPdu(pdv(CONTEXT, DATA, information())), encodeAbort(0, 0));
    await cut.closed;
    const random = seeded(7);
    for (let n = 0; n < 400; n += 1) {
      const peer = await connectRaw(port);
      const message = Buffer.concat([dataPdu(pdv(CONTEXT, COMMAND, actionRq())), dataPdu(pdv(CONTEXT, LAST_DATA, information()))]);
      for (let change = random(6); change >= 0; change -= 1) message[random(message.length)] = random(256);
      peer.send(associateRq(CONTEXTS), message.subarray(0, random(3) === 0 ? random(message.length) : message.length), encodeAbort(0, 0));
      peer.socket.end();
      await peer.closed;
    }
    bystander.send(dataPdu(pdv(1, COMMAND, echoRq(9))));
    assert.deepEqual([(await bystander.nextResponse()).status, await statusOf(information())], [0, '0000']);
    bystander.socket.destroy();
  });

  it('is negotiated in a plain syntax, with the requestor as user; not as provider alone, nor in another syntax', async () => {
    const propose = (transferSyntaxUids: string[], roles: { sopClassUid: string; scu: boolean; scp: boolean }[] = []) => {
      const contexts = [{ id: 1, abstractSyntaxUid: PUSH_MODEL, transferSyntaxUids }];
      const peer = { address: '127.0.0.1', port: 1, listener: 'test' };
      const answer = answerAssociation(document, {
        calledAe: 'GATEWAY',
        callingAe: 'CT1',
        contexts,
        maxPduBytes: 0,
        implementationClassUid: '1.2',
        roles,
        peer,
      });
      assert.ok('contexts' in answer);
      return [answer.contexts[0]!.result, answer.contexts[0]!.transferSyntaxUid, answer.roles];
    };
    assert.deepEqual(propose([IMPLICIT, EXPLICIT]), [0, EXPLICIT, []]);
    assert.deepEqual(propose(['1.2.840.10008.1.2.4.50'])[0], 4);
    const both = { sopClassUid: PUSH_MODEL, scu: true, scp: true };
    assert.deepEqual(propose([IMPLICIT], [both]), [0, IMPLICIT, [{ ...both, scp: false }]]);
    assert.equal(propose([IMPLICIT], [{ ...both, scu: false }])[0], 1);
  });
});

describe('the memory of requests under way', () => {
  const association = {
    id: 'a',
    request: { callingAe: 'CT1', calledAe: 'GATEWAY', peer: { address: '127.0.0.1' } },
  } as AcceptedAssociation;
  const request: NActionRequest = {
    messageId: 1,
    contextId: CONTEXT,
    abstractSyntaxUid: PUSH_MODEL,
    transferSyntaxUid: IMPLICIT,
    requestedSopClassUid: PUSH_MODEL,
    requestedSopInstanceUid: INSTANCE,
    actionTypeId: 1,
    hasDataSet: true,
  };
  const memory = requestMemory();
  const sink = (with_: ObjectStore = store): DataSetSink => {
    const parts = { bus, store: with_, log, replica: 'r', memory, custodyMs: () => 50 };
    const taken = takeCommitment(parts, association, request);
    assert.ok('write' in taken);
    return taken;
  };

  it('is bounded for all of them together, and given back', async () => {
    const [quarter, piece] = [16 * 1024 ** 2, Buffer.alloc(1024 ** 2)];
    const sinks = Array.from({ length: 5 }, () => sink());
    for (const one of sinks) for (let at = 0; at < quarter; at += piece.length) one.write(piece);
    assert.deepEqual(await sinks[4]!.end(), { status: 0x0213, comment: 'the request is too large for now' });
    for (const one of sinks.slice(0, 4)) one.abort(new Error('lost'));
    const next = sink();
    next.write(information());
    assert.equal((await next.end()).status, 0);
  });

  it('is not more for fragments of one byte than for large ones', () => {
    const [one, byte] = [sink(), Buffer.alloc(1)];
    const before = process.memoryUsage().heapUsed;
    for (let n = 0; n < 1_000_000; n++) one.write(byte);
    const held = process.memoryUsage().heapUsed - before;
    one.abort(new Error('lost'));
    assert.ok(held < 32 * 1024 ** 2, `${held} bytes of objects for 1,000,000 bytes`);
  });

  it('is given back although the store hangs: the request is answered 0213 within limits.custody', async () => {
    const hangs = new Promise<never>(() => {});
    const upload = { write: () => undefined, commit: () => hangs, discard: () => hangs, patch: () => {} };
    const one = sink({ ...store, create: () => upload });
    one.write(information());
    assert.equal((await one.end()).status, 0x0213);
    assert.equal(memory.isOverBudget, false);
  });
});

describe('results that are handed over', () => {
  it('are told by a few at a time, whatever a requestor has asked for: the rest is left to the queue', async () => {
    let take: (value: Uint8Array) => void = () => {};
    const bucket = {
      watch: async (_keys: string, each: typeof take) => {
        take = each;
        return { stop: () => {} };
      },
    };
    const consumption = { stop: async () => {} };
    const reads: string[] = [];
    const slow = { ...store, get: (key: string) => new Promise<never>(() => reads.push(key)) };
    const parts = { bus: Object.assign(bus, { bucket: async () => bucket, consume: async () => consumption }), store: slow, log };
    const commitments = createCommitments({ ...parts, document: () => document } as unknown as CommitmentsParts);
    await commitments.start();
    for (let n = 0; n < 50; n++) take(Buffer.from(JSON.stringify(answer())));
    await commitments.stop();
    assert.equal(reads.length, 8);
  });
});

function answer(): CommitmentAnswer {
  const id = uuidV7();
  const association = { id: randomUUID(), replica: randomUUID() };
  const titles = { callingAe: 'CT1', calledAe: 'GATEWAY', source: '127.0.0.1', requestedAt: new Date().toISOString() };
  const commitment = { id, transactionUid: '1.2.9', ...titles, requestKey: commitmentKey(id, 'request'), references: 1, association };
  return commitmentAnswer.parse({
    ...newEnvelope(),
    type: 'commitment.answer',
    commitment,
    answerKey: commitmentKey(id, 'answer'),
    attempt: 1,
  });
}

/** xorshift32 (Marsaglia 2003). */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
