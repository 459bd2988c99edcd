// Negotiation by preference (gateway document, negotiation): tables of proposals and what is accepted.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultGatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { answerAssociation } from './answer-association.ts';
import { chooseTransferSyntax, preferenceFor } from './choose-transfer-syntax.ts';

const document = parseGatewayDocument(defaultGatewayDocument('http://127.0.0.1:1/dicom-web'));
const CT = '1.2.840.10008.5.1.4.1.1.2';
const ULTRASOUND_CINE = '1.2.840.10008.5.1.4.1.1.3.1';
const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';
const JPEG_LOSSLESS = '1.2.840.10008.1.2.4.70';
const PRIVATE = '1.3.6.1.4.1.99999.1';

describe('choice of a transfer syntax', () => {
  const rows: [string, string, string[], string][] = [
    ['explicit little endian before implicit, whatever the order proposed', CT, [IMPLICIT, EXPLICIT], EXPLICIT],
    ['uncompressed before lossless: the compression is ours', CT, [JPEG_LOSSLESS, IMPLICIT], IMPLICIT],
    ['lossless before lossy', CT, [JPEG_BASELINE, JPEG_LOSSLESS], JPEG_LOSSLESS],
    ['lossy as it is when nothing else is proposed', CT, [JPEG_BASELINE], JPEG_BASELINE],
    ['private syntaxes as bytes', CT, [PRIVATE], PRIVATE],
    ['the first proposed for ultrasound cine: never make a sender decompress', ULTRASOUND_CINE, [JPEG_BASELINE, EXPLICIT], JPEG_BASELINE],
  ];
  for (const [title, sopClass, proposed, expected] of rows) {
    it(title, () => assert.equal(chooseTransferSyntax(preferenceFor(document.negotiation, [sopClass], 'ANY'), proposed), expected));
  }
  it('none when the preference names none of the proposed', () => {
    assert.equal(chooseTransferSyntax(['explicit-little'], [JPEG_BASELINE]), undefined);
  });
});

describe('answer to an association', () => {
  const request = (calledAe: string, abstractSyntaxUid = CT, callingAe = 'ANY') => ({
    calledAe,
    callingAe,
    contexts: [{ id: 1, abstractSyntaxUid, transferSyntaxUids: [IMPLICIT] }],
    maxPduBytes: 16_384,
    implementationClassUid: '1.2.3',
    roles: [],
    peer: { address: '10.0.0.1', port: 1, listener: 'dicom' },
  });
  it('takes any caller at GATEWAY and at our own AE title, case sensitive', () => {
    for (const called of ['GATEWAY', 'CAUSEWAY']) assert.ok('contexts' in answerAssociation(document, request(called)));
    const refused = answerAssociation(document, request('gateway'));
    assert.deepEqual('because' in refused && [refused.result, refused.source, refused.reason], [1, 1, 7]);
  });
  it('refuses a caller that is not on the list, permanently, with reason 3', () => {
    const listed = { ...document, gateway: { ...document.gateway, callers: [{ callingAe: 'CT1' }] } };
    assert.ok('contexts' in answerAssociation(listed, request('GATEWAY', CT, 'CT1')));
    const refused = answerAssociation(listed, request('GATEWAY', CT, 'CT2'));
    assert.deepEqual('because' in refused && [refused.result, refused.source, refused.reason], [1, 1, 3]);
  });
  it('refuses for a while, not for good, when the gateway is full', () => {
    const refused = answerAssociation(document, request('GATEWAY'), { limit: 'freeSpaceBelow', comment: 'storage is full' });
    assert.deepEqual('because' in refused && [refused.result, refused.source, refused.reason], [2, 3, 1]);
  });
  it('accepts Verification, private and unknown storage classes, and refuses worklist and query with result 3', () => {
    const results = [
      '1.2.840.10008.1.1',
      '1.3.6.1.4.1.5962.301',
      '1.2.840.10008.5.1.4.1.1.999',
      '1.2.840.10008.5.1.4.31',
      '1.2.840.10008.5.1.4.1.2.2.1',
    ].map((uid) => {
      const answer = answerAssociation(document, request('GATEWAY', uid));
      return 'contexts' in answer && answer.contexts[0]!.result;
    });
    assert.deepEqual(results, [0, 0, 0, 3, 3]);
  });
  it('accepts no context whose abstract or transfer syntax is not a UID: its instances could not be announced', () => {
    const base = request('GATEWAY');
    const contexts = [
      { id: 1, abstractSyntaxUid: 'CT Image Storage', transferSyntaxUids: [IMPLICIT] },
      { id: 3, abstractSyntaxUid: CT, transferSyntaxUids: ['implicit', '1.2.x'] },
      { id: 5, abstractSyntaxUid: CT, transferSyntaxUids: ['implicit', JPEG_BASELINE] },
    ];
    const answer = answerAssociation(document, { ...base, contexts });
    assert.deepEqual('contexts' in answer && answer.contexts.map(({ result }) => result), [3, 4, 0]);
    assert.equal('contexts' in answer && answer.contexts[2]!.transferSyntaxUid, JPEG_BASELINE);
  });
});
