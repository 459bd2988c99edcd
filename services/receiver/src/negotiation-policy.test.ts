// The negotiation policy of the gateway document: allow-list, preferences by sender and class, roles, extended negotiation, user identity and quirks.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import type { AssociationAcceptance } from '@causeway/shared/dicom/dimse/scp';
import type { AssociationRequest } from '@causeway/shared/dicom/upper-layer/association';
import { answerAssociation } from './answer-association.ts';

const VERIFICATION = '1.2.840.10008.1.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const US_CINE = '1.2.840.10008.5.1.4.1.1.3.1';
const WORKLIST = '1.2.840.10008.5.1.4.31';
const PRIVATE = '1.3.6.1.4.1.5962.301';
const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';
const STORAGE = '1.2.840.10008.4.2';
const ALL = [JPEG_BASELINE, IMPLICIT, EXPLICIT];

function ask(document: object, sopClasses: string[], more: Partial<AssociationRequest> = {}): AssociationAcceptance {
  const answer = answerAssociation(parseGatewayDocument(document), {
    calledAe: 'GATEWAY',
    callingAe: 'CT1',
    contexts: sopClasses.map((abstractSyntaxUid, index) => ({ id: 2 * index + 1, abstractSyntaxUid, transferSyntaxUids: ALL })),
    maxPduBytes: 16_384,
    implementationClassUid: '1.2.3',
    roles: [],
    peer: { address: '10.0.0.1', port: 1, listener: 'dicom' },
    ...more,
  });
  if (!('contexts' in answer)) throw new Error(`rejected: ${answer.because}`);
  return answer;
}

/** A rule for everything. */
const compressing = (syntax: string) => ({
  compression: [
    Object.fromEntries([
      ['when', {}],
      ['then', { syntax }],
    ]),
  ],
});

const results = (answer: AssociationAcceptance) => answer.contexts.map(({ result }) => result);
const syntaxes = (answer: AssociationAcceptance) => answer.contexts.map(({ transferSyntaxUid }) => transferSyntaxUid);

describe('SOP classes', () => {
  it('are all taken by default, and only those on the list where there is one; Verification always', () => {
    assert.deepEqual(results(ask({}, [VERIFICATION, CT, PRIVATE])), [0, 0, 0]);
    assert.deepEqual(results(ask({ negotiation: { sopClasses: ['ct', US_CINE] } }, [VERIFICATION, CT, US_CINE, PRIVATE])), [0, 0, 0, 3]);
  });
  it('of another service are not taken although the list names them', () => {
    assert.deepEqual(results(ask({ negotiation: { sopClasses: [WORKLIST] } }, [WORKLIST])), [3]);
  });
  it('that are private are judged by what their sender says they are (common extended negotiation)', () => {
    const said = (serviceClassUid: string, relatedGeneralSopClassUids: string[] = []) => ({
      commonExtendedNegotiations: [{ sopClassUid: PRIVATE, serviceClassUid, relatedGeneralSopClassUids }],
    });
    assert.deepEqual(results(ask({}, [PRIVATE], said(STORAGE))), [0]);
    assert.deepEqual(results(ask({}, [PRIVATE], said('1.2.840.10008.4.3'))), [3]);
    const list = { negotiation: { sopClasses: ['ct'] } };
    assert.deepEqual(results(ask(list, [PRIVATE], said(STORAGE))), [3]);
    assert.deepEqual(results(ask(list, [PRIVATE], said(STORAGE, [CT]))), [0]);
    assert.deepEqual(syntaxes(ask({}, [PRIVATE], said(STORAGE, [US_CINE]))), [JPEG_BASELINE], 'a kind of cine is not decompressed');
    assert.deepEqual(syntaxes(ask({}, [PRIVATE], said(STORAGE))), [EXPLICIT]);
  });
});

describe('transfer syntaxes', () => {
  it('are preferred by sender before class, and by class before all', () => {
    const document = {
      negotiation: {
        prefer: ['implicit-little'],
        callers: [
          { callingAe: 'CT1', prefer: ['explicit-little'] },
          { callingAe: 'CT2', idle: '1m' },
        ],
      },
    };
    assert.deepEqual(syntaxes(ask(document, [CT, US_CINE])), [EXPLICIT, EXPLICIT]);
    assert.deepEqual(syntaxes(ask(document, [CT, US_CINE], { callingAe: 'CT2' })), [IMPLICIT, JPEG_BASELINE]);
  });
  it('without one that is usable give result 4, also where none was proposed', () => {
    const lossless = { negotiation: { prefer: ['lossless'] } };
    const contexts = [
      { id: 1, abstractSyntaxUid: CT, transferSyntaxUids: [IMPLICIT] },
      { id: 3, abstractSyntaxUid: CT, transferSyntaxUids: [] },
    ];
    assert.deepEqual(results(ask(lossless, [], { contexts })), [4, 4]);
    assert.deepEqual(results(ask({}, [], { contexts })), [0, 4]);
  });
});

describe('roles', () => {
  it('as user are accepted and as provider refused; a class offered as provider only is a context of no use', () => {
    const roles = [
      { sopClassUid: CT, scu: true, scp: true },
      { sopClassUid: PRIVATE, scu: false, scp: true },
      { sopClassUid: WORKLIST, scu: true, scp: true },
    ];
    const answer = ask({}, [CT, PRIVATE, WORKLIST], { roles });
    assert.deepEqual(answer.roles, [
      { sopClassUid: CT, scu: true, scp: false },
      { sopClassUid: PRIVATE, scu: false, scp: false },
    ]);
    assert.deepEqual(results(answer), [0, 1, 3]);
  });
});

describe('roles for classes without a context', () => {
  it('are not answered, however many: the answer fits into its item of 64 KiB', () => {
    const roles = Array.from({ length: 8_000 }, (_, n) => ({ sopClassUid: `1.${n}`, scu: true, scp: true }));
    const answer = ask({}, [CT], { roles: [...roles, { sopClassUid: CT, scu: true, scp: true }] });
    assert.deepEqual(answer.roles, [{ sopClassUid: CT, scu: true, scp: false }]);
  });
});

describe('extended negotiation of storage (PS3.4 section B.3.1)', () => {
  const proposals = {
    extendedNegotiations: [VERIFICATION, CT, CT, WORKLIST].map((sopClassUid) => ({ sopClassUid, information: Buffer.alloc(6) })),
  };
  const answered = (document: object) => ask(document, [VERIFICATION, CT, WORKLIST], proposals).extendedNegotiations;
  for (const [name, document, bytes] of [
    ['level 2, signatures not kept: rules compress', compressing('jpeg2000-lossless'), '020001000000'],
    ['level 2, signatures kept: nothing is changed', compressing('unchanged'), '020003000000'],
    ['level 2 with coercion', { coercion: [{ when: {}, on: 'receive', set: { InstitutionName: 'A' } }] }, '020001000100'],
  ] as const)
    it(`is answered for accepted storage classes, once: ${name}`, () => {
      assert.deepEqual(answered(document), [{ sopClassUid: CT, information: Buffer.from(bytes, 'hex') }]);
    });
});

describe('a user identity (PS3.7 D.3.3.7)', () => {
  const userIdentity = (type: number, username?: string) => ({ userIdentity: { type, positiveResponseRequested: true, username } });
  it('is answered where a name alone was given; what would have to be checked is not affirmed', () => {
    assert.deepEqual(ask({}, [CT], userIdentity(1, 'anna')).userIdentityResponse, Buffer.alloc(0));
    for (const type of [2, 3, 4, 5]) assert.equal(ask({}, [CT], userIdentity(type, 'anna')).userIdentityResponse, undefined);
  });
  it('can be asked for by gateway.callers, and its name is not in the refusal', () => {
    const document = { gateway: { callers: [{ user: 'anna' }] } };
    assert.deepEqual(results(ask(document, [CT], userIdentity(1, 'anna'))), [0]);
    for (const more of [{}, userIdentity(1, 'berta'), userIdentity(4)])
      assert.throws(() => ask(document, [CT], more), { message: 'rejected: caller is not on the list gateway.callers' });
  });
});

describe('quirks of a sender', () => {
  it('set the length of its PDUs and its idle time, for it alone', () => {
    const document = { negotiation: { callers: [{ callingAe: 'CT1', maxPduBytes: 16_384, idle: '20m' }] } };
    const { maxPduBytes, idleMs } = ask(document, [CT]);
    assert.deepEqual([maxPduBytes, idleMs], [16_384, 1_200_000]);
    const other = ask(document, [CT], { callingAe: 'CT2' });
    assert.deepEqual([other.maxPduBytes, other.idleMs], [undefined, undefined]);
  });
});
