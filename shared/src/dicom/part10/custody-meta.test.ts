// The receipt in group 2: written before digest and lane are known, patched, read back; refused when damaged or not ours.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { CUSTODY_CREATOR_UID, type CustodyFacts, digestBytes, encodeCustodyMeta, laneBytes, readCustodyMeta } from './custody-meta.ts';
import { seededRandom } from './data-set-for-tests.ts';
import { encodeFileMeta, parseFileMeta } from './file-meta.ts';
import { DicomParseError } from './parse-error.ts';

const FACTS: CustodyFacts = {
  sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
  sopInstanceUid: '1.2.3',
  transferSyntaxUid: '1.2.840.10008.1.2.1',
  lane: 'routine',
  listener: 'tls',
  tlsSubject: 'CN=Käse,O=a"b\\c',
  callingAe: 'CT\\1',
  calledAe: 'GATEWAY',
  source: '2001:db8::1',
  receivedAt: '2026-01-02T03:04:05.678Z',
};
const DIGEST = createHash('sha256').update('data set').digest('hex');

function written(facts: CustodyFacts, lane = facts.lane): Buffer {
  const { bytes, digestPosition, lanePosition } = encodeCustodyMeta(facts);
  digestBytes(DIGEST).copy(bytes, digestPosition);
  laneBytes(lane).copy(bytes, lanePosition);
  return bytes;
}

test('every fact survives, odd characters included, with the digest and lane that were written later', () => {
  assert.deepEqual(readCustodyMeta(parseFileMeta(written(FACTS, 'stat'))!.meta), { ...FACTS, lane: 'stat', digest: DIGEST });
  const { tlsSubject: _, ...plain } = FACTS;
  assert.deepEqual(readCustodyMeta(parseFileMeta(written(plain))!.meta), { ...plain, digest: DIGEST });
});

test('AE titles and addresses stand in their own elements too (PS3.10 table 7.1-1)', () => {
  const { meta } = parseFileMeta(written(FACTS))!;
  assert.deepEqual([meta.sourceAe, meta.sendingAe, meta.receivingAe], ['CT_1', 'CT_1', 'GATEWAY']);
  assert.deepEqual([meta.sourceAddress, meta.sendingAddress], ['2001:db8::1', '2001:db8::1']);
  assert.equal(meta.privateInformation!.length % 2, 0);
});

test('an object of others is not ours', () => {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = FACTS;
  const others = { sopClassUid, sopInstanceUid, transferSyntaxUid, privateInformation: Buffer.from('{}') };
  assert.equal(readCustodyMeta(parseFileMeta(encodeFileMeta({ ...others, privateInformationCreatorUid: '1.2.3' }))!.meta), undefined);
  assert.equal(readCustodyMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid }), undefined);
});

test('ours without its digest, or damaged, is refused instead of believed', () => {
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = FACTS;
  const read = (text: string): unknown =>
    readCustodyMeta({
      sopClassUid,
      sopInstanceUid,
      transferSyntaxUid,
      privateInformationCreatorUid: CUSTODY_CREATOR_UID,
      privateInformation: Buffer.from(text),
    });
  const unpatched = parseFileMeta(encodeCustodyMeta(FACTS).bytes)!.meta;
  assert.throws(() => readCustodyMeta(unpatched), { name: 'DicomParseError', message: /no digest/ });
  assert.throws(() => read(''), /not JSON/);
  assert.throws(() => read('null'), /not an object/);
  assert.throws(() => read('{"version":2}'), /not version 1/);
  assert.throws(() => read(`{"version":1,"digest":"${DIGEST}"}`), /lane is no text/);
  assert.throws(() => read(`{"version":1,"digest":"${'g'.repeat(64)}"}`), /no digest/);
});

test('only a digest can be written into its place, and only a lane', () => {
  assert.throws(() => digestBytes('ab'), /not a SHA-256 digest/);
  assert.throws(() => digestBytes(DIGEST.toUpperCase()), /not a SHA-256 digest/);
  assert.throws(() => laneBytes('much-too-long'), /not a lane/);
});

test('facts too long for the event are cut, and still read', () => {
  const read = readCustodyMeta(parseFileMeta(written({ ...FACTS, tlsSubject: 'x'.repeat(5_000) }))!.meta);
  assert.equal(read?.tlsSubject?.length, 1024);
});

test('3,000 mutations of an object of ours are read, refused with a DicomParseError, or not ours', () => {
  const random = seededRandom(5);
  const bytes = written(FACTS);
  for (let round = 0; round < 3_000; round++) {
    const mutated = Buffer.from(bytes);
    for (let flips = 0; flips < 3; flips++) mutated[132 + Math.floor(random() * (bytes.length - 132))] = Math.floor(random() * 256);
    try {
      const read = parseFileMeta(mutated);
      if (read !== undefined) readCustodyMeta(read.meta);
    } catch (error) {
      assert.ok(error instanceof DicomParseError, String(error));
    }
  }
});
