// Archives that answer what they were asked for: on associations that they open, as they are, as strangers, or with what nobody asked.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type AskedCommitments, openAskedCommitments } from '@causeway/shared/bus/asked-commitments';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { type GatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createScp, type Scp } from '@causeway/shared/dicom/dimse/scp';
import { AssociationRejected, associate } from '@causeway/shared/dicom/dimse/scu';
import { encodeEventInformation } from '@causeway/shared/dicom/storage-commitment/event-information';
import type { FailureReason } from '@causeway/shared/dicom/storage-commitment/push-model';
import { createLogger } from '@causeway/shared/logger';
import { takeCommitmentReport } from '@causeway/shared/take-commitment-report';
import { answerAssociation } from './answer-association.ts';

const PUSH_MODEL = '1.2.840.10008.1.20.1';
const INSTANCE = '1.2.840.10008.1.20.1.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const IMPLICIT = '1.2.840.10008.1.2';
const TRANSACTION = '2.25.4711';
const log = createLogger('receiver', 'silent');

const documentWith = (more: { callingAe?: string; confirm?: string } = {}): GatewayDocument =>
  parseGatewayDocument({
    gateway: { aeTitle: 'CAUSEWAY', calledAeTitles: ['GATEWAY'], callers: [{ callingAe: 'CT1' }] },
    facilities: [{ id: 'north', match: [{}], aeTitle: 'NORTH_GW', destinations: ['pacs'] }],
    destinations: [
      { id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'PACS', confirm: 'storage-commitment', ...more },
      { id: 'plain', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'PLAIN' },
    ],
  });

let document = documentWith();
let isOverloaded = false;
let asked: AskedCommitments;
let answered: string[];
let scp: Scp;
let port: number;
const replica = randomUUID();
const copies = { 'a.0': randomUUID(), 'b.0': randomUUID() };

before(async () => {
  scp = createScp({
    handlers: {
      associationRequested: (request) =>
        answerAssociation(document, request, isOverloaded ? { comment: 'full', limit: 'freeSpaceBelow' } : undefined),
      storeRequested: () => ({ status: 0x0122 }),
      eventReported: ({ request }, event) => takeCommitmentReport({ asked, log }, request.callingAe, event),
    },
    limits: () => ({ associations: 20, associationsPerSource: 20, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 5_000 }),
    implementation: { classUid: '1.2.3', versionName: 'TEST' },
    report: () => {},
  });
  ({ port } = await scp.listen({ id: 'test', host: '127.0.0.1', port: 0 }));
});
after(() => scp.drain(0));

beforeEach(async () => {
  document = documentWith();
  isOverloaded = false;
  asked = await openAskedCommitments(new RecordingBus());
  answered = [];
  await asked.onAnswered(replica, (transactionUid) => answered.push(transactionUid));
  const references = [
    { sopClassUid: CT, sopInstanceUid: '1.2.3.1', key: 'a.0', copy: copies['a.0'] },
    { sopClassUid: CT, sopInstanceUid: '1.2.3.2', key: 'b.0', copy: copies['b.0'] },
  ];
  await asked.keepTransaction(TRANSACTION, { destination: 'pacs', archiveAe: 'PACS', replica, references });
});

interface Report {
  readonly callingAe?: string;
  readonly calledAe?: string;
  readonly role?: 'provider' | 'none';
  readonly abstractSyntaxUids?: string[];
  readonly transactionUid?: string;
  readonly committed?: [string, string][];
  readonly failed?: [string, string, FailureReason][];
  readonly eventTypeId?: number;
  readonly sopInstanceUid?: string;
  readonly bytes?: Buffer;
}

/** Status of the N-EVENT-REPORT-RSP in hex, or why there is none. */
async function report(given: Report = {}): Promise<string> {
  const { callingAe = 'PACS', calledAe = 'CAUSEWAY', role = 'provider', abstractSyntaxUids = [PUSH_MODEL] } = given;
  try {
    const association = await associate({
      ...{ host: '127.0.0.1', port, callingAe, calledAe, implementation: { classUid: '1.2.3', versionName: 'PACS' } },
      contexts: abstractSyntaxUids.map((abstractSyntaxUid, n) => ({ id: 2 * n + 1, abstractSyntaxUid, transferSyntaxUids: [IMPLICIT] })),
      roles: role === 'none' ? [] : [{ sopClassUid: PUSH_MODEL, scu: false, scp: true }],
      timeouts: { connectMs: 5_000, associateMs: 5_000, responseMs: 5_000 },
    });
    try {
      if (!association.accepted.has(1)) return `context refused: ${association.refused.get(1)}`;
      if (role === 'provider') assert.deepEqual(association.roles, [{ sopClassUid: PUSH_MODEL, scu: false, scp: true }]);
      const { status } = await association.reportEvent({
        ...{ contextId: 1, sopClassUid: PUSH_MODEL, sopInstanceUid: given.sopInstanceUid ?? INSTANCE },
        ...{ eventTypeId: given.eventTypeId ?? 1, dataSet: once(given.bytes ?? informationOf(given)) },
      });
      return status.toString(16).padStart(4, '0');
    } finally {
      association.abort();
    }
  } catch (error) {
    if (error instanceof AssociationRejected) return `rejected: ${error.message.match(/result (\d), source (\d), reason (\d)/)?.slice(1)}`;
    throw error;
  }
}

function informationOf({ transactionUid = TRANSACTION, committed = [], failed = [] }: Report): Buffer {
  const reference = (sopClassUid: string, sopInstanceUid: string) => ({ sopClassUid, sopInstanceUid });
  const result = {
    transactionUid,
    committed: committed.map((one) => reference(...one)),
    failed: failed.map(([sopClassUid, sopInstanceUid, reason]) => ({ ...reference(sopClassUid, sopInstanceUid), reason })),
  };
  return encodeEventInformation(result, IMPLICIT);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const verdicts = async () => [await asked.verdict('a.0'), await asked.verdict('b.0')];
const NOTHING = [undefined, undefined];

describe('an answer of an archive', () => {
  it('is on record for each reference before it is answered, and who asked is told', async () => {
    const status = await report({ committed: [[CT, '1.2.3.1']], failed: [[CT, '1.2.3.2', 0x0112]], eventTypeId: 2 });
    assert.equal(status, '0000');
    assert.deepEqual(await verdicts(), [
      { transactionUid: TRANSACTION, copy: copies['a.0'] },
      { transactionUid: TRANSACTION, copy: copies['b.0'], reason: 0x0112 },
    ]);
    assert.deepEqual(answered, [TRANSACTION]);
  });

  it('counts for nothing that was not asked: another class, another instance; what it leaves out stays open', async () => {
    const committed: [string, string][] = [
      [MR, '1.2.3.1'],
      [CT, '1.2.3.9'],
    ];
    assert.equal(await report({ committed }), '0000');
    assert.deepEqual(await verdicts(), NOTHING);
  });

  it('is refused with 0115 for a transaction that is unknown, and for one that another archive was asked in', async () => {
    const committed: [string, string][] = [[CT, '1.2.3.1']];
    assert.equal(await report({ committed, transactionUid: '2.25.4712' }), '0115');
    document = parseGatewayDocument({ ...documentSource(), destinations: [...documentSource().destinations, otherPacs] });
    assert.equal(await report({ committed, callingAe: 'OTHER' }), '0115');
    assert.deepEqual(await verdicts(), NOTHING);
  });

  it('is refused when it is no answer: another instance, another event, nothing in it, or more than any answer', async () => {
    const committed: [string, string][] = [[CT, '1.2.3.1']];
    assert.equal(await report({ committed, sopInstanceUid: '1.2.3' }), '0112');
    assert.equal(await report({ committed, eventTypeId: 3 }), '0113');
    assert.equal(await report({ bytes: Buffer.from([1, 2, 3]) }), '0115');
    assert.equal(await report({ bytes: Buffer.alloc(70_000) }), '0213');
    assert.deepEqual(await verdicts(), NOTHING);
  });

  it('is answered 0110 when it cannot be put on record, so that the archive says it again', async () => {
    const { keepVerdict } = asked;
    asked = { ...asked, keepVerdict: () => Promise.reject(new Error('no broker')) };
    assert.equal(await report({ committed: [[CT, '1.2.3.1']] }), '0110');
    asked = { ...asked, keepVerdict };
    assert.equal(await report({ committed: [[CT, '1.2.3.1']] }), '0000');
  });

  it('comes from who may not call otherwise, to the title it was called with, and while the gateway takes nothing else', async () => {
    const committed: [string, string][] = [[CT, '1.2.3.1']];
    isOverloaded = true;
    assert.equal(await report({ committed }), '0000');
    assert.equal(await report({ committed, role: 'none' }), '0000');
    assert.equal(await report({ committed, calledAe: 'NORTH_GW' }), 'rejected: 1,1,7');
    document = documentWith({ callingAe: 'facility' });
    assert.equal(await report({ committed, calledAe: 'NORTH_GW' }), '0000');
    document = documentWith({ callingAe: 'as-received' });
    assert.equal(await report({ committed, calledAe: 'ANY_MODALITY' }), '0000');
  });

  it('opens no door for anything else: other contexts, other callers, archives that are not asked', async () => {
    assert.equal(await report({ abstractSyntaxUids: [PUSH_MODEL, CT] }), 'rejected: 1,1,3');
    assert.equal(await report({ callingAe: 'PLAIN' }), 'rejected: 1,1,3');
    assert.equal(await report({ callingAe: 'CT1' }), 'context refused: 1');
    document = documentWith({ confirm: 'response' });
    assert.equal(await report(), 'rejected: 1,1,3');
  });
});

const otherPacs = { id: 'other', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'OTHER', confirm: 'storage-commitment' };
function documentSource() {
  return {
    gateway: { aeTitle: 'CAUSEWAY' },
    destinations: [{ id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'PACS', confirm: 'storage-commitment' }],
  };
}
