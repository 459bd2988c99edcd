// What commitment requests and results look like on the wire, for a friendly sender and for an unfriendly one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { readActionInformation } from './action-information.ts';
import { CommitmentDataError } from './commitment-data-set.ts';
import { type CommitmentResult, encodeEventInformation, eventTypeOf } from './event-information.ts';
import { FAILURE_REASON, type SopReference } from './push-model.ts';
import { readEventInformation } from './read-event-information.ts';

/** It has no types; a name that is no literal is not looked for. */
const DCMJS: string = 'dcmjs';
const { default: dcmjs } = await import(DCMJS);

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SYNTAXES = [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN];
const references: SopReference[] = [1, 2, 3].map((n) => ({ sopClassUid: CT, sopInstanceUid: `1.2.3.${n}` }));

/** Requests and results have the same elements, so that what we write is also what a sender would. */
const requestOf = (syntax: string, committed = references): Buffer =>
  encodeEventInformation({ transactionUid: '1.2.9', committed, failed: [] }, syntax);

const header = (tag: number, length: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(tag >>> 16, 0);
  bytes.writeUInt16LE(tag & 0xffff, 2);
  bytes.writeUInt32LE(length, 4);
  return bytes;
};
/** Implicit VR. */
const element = (tag: number, text: string): Buffer => Buffer.concat([header(tag, text.length), Buffer.from(text, 'latin1')]);
const undefinedLength = 0xffffffff;
const item = (...parts: Buffer[]): Buffer => Buffer.concat([header(0xfffee000, undefinedLength), ...parts, header(0xfffee00d, 0)]);
const sequence = (tag: number, ...items: Buffer[]): Buffer =>
  Buffer.concat([header(tag, undefinedLength), ...items, header(0xfffee0dd, 0)]);
const reference = (n: number, ...more: Buffer[]): Buffer => item(element(0x00081150, CT), element(0x00081155, `1.2.3.${n} `), ...more);
const read = (bytes: Buffer, most = 10) => readActionInformation(bytes, IMPLICIT_VR_LITTLE_ENDIAN, most);

const problemOf = (bytes: Buffer, most?: number): string => {
  try {
    read(bytes, most);
    return 'none';
  } catch (error) {
    assert.ok(error instanceof CommitmentDataError, String(error));
    return `${error.problem} ${error.tag.toString(16)}`;
  }
};

describe('the action information of a storage commitment request', () => {
  for (const syntax of SYNTAXES)
    it(`is read in ${syntax}`, () => {
      assert.deepEqual(readActionInformation(requestOf(syntax), syntax, 3), { transactionUid: '1.2.9', references });
    });

  it('is read with undefined lengths, padding of several kinds and elements of others around it', () => {
    const strange = sequence(0x00081111, item(sequence(0x00081115, item(element(0x00081150, 'x')), Buffer.from(item()))));
    const bytes = Buffer.concat([
      element(0x00080005, 'ISO_IR 100'),
      strange,
      element(0x00081195, '1.2.9\0\0 '),
      sequence(0x00081199, reference(1, strange), reference(2)),
      element(0x00880130, 'FILESET1'),
    ]);
    assert.deepEqual(read(bytes), { transactionUid: '1.2.9', references: references.slice(0, 2) });
  });

  it('is invalid without transaction UID or references, or with what is no UID', () => {
    const transaction = element(0x00081195, '1.2.9 ');
    assert.equal(problemOf(sequence(0x00081199, reference(1))), 'invalid 81195');
    assert.equal(problemOf(transaction), 'invalid 81199');
    assert.equal(problemOf(Buffer.concat([transaction, sequence(0x00081199)])), 'invalid 81199');
    assert.equal(problemOf(Buffer.concat([transaction, sequence(0x00081199, item(element(0x00081150, CT)))])), 'invalid 81155');
    assert.equal(problemOf(Buffer.concat([transaction, sequence(0x00081199, item(element(0x00081155, '1.2')))])), 'invalid 81150');
    assert.equal(problemOf(Buffer.concat([element(0x00081195, ''), sequence(0x00081199, reference(1))])), 'invalid 81195');
    assert.equal(problemOf(Buffer.concat([element(0x00081195, '1.'.repeat(40)), sequence(0x00081199, reference(1))])), 'invalid 81195');
    assert.equal(problemOf(Buffer.concat([element(0x00081195, 'MÜLLER'), sequence(0x00081199, reference(1))])), 'invalid 81195');
  });

  it('has no more references than the limit', () => {
    const bytes = Buffer.concat([element(0x00081195, '1.2.9 '), sequence(0x00081199, reference(1), reference(2), reference(3))]);
    assert.equal(problemOf(bytes, 3), 'none');
    assert.equal(problemOf(bytes, 2), 'too-many 81199');
  });

  it('is unreadable where lengths lie, headers are cut, or nesting has no end', () => {
    assert.equal(problemOf(Buffer.alloc(3)), 'unreadable 0');
    assert.equal(problemOf(header(0x00081195, 0xfffffff0)), 'unreadable 81195');
    assert.equal(
      problemOf(Buffer.concat([header(0x00081199, undefinedLength), header(0xfffee000, undefinedLength)])),
      'unreadable fffee000',
    );
    assert.equal(problemOf(header(0xfffee00d, 0)), 'unreadable fffee00d');
    assert.equal(problemOf(Buffer.concat([header(0x00081199, 8), element(0x00081150, '')])), 'unreadable 81150');
    const deep = Array.from({ length: 5_000 }, () =>
      Buffer.concat([header(0x00081111, undefinedLength), header(0xfffee000, undefinedLength)]),
    );
    assert.match(problemOf(Buffer.concat(deep)), /^unreadable/);
    assert.throws(() => readActionInformation(requestOf(IMPLICIT_VR_LITTLE_ENDIAN), EXPLICIT_VR_LITTLE_ENDIAN, 3), CommitmentDataError);
  });

  it('never fails otherwise, whatever is done to it (20,000 mutations, seeded)', () => {
    const random = seeded(20_260_105);
    const originals = [
      ...SYNTAXES.map((syntax) => requestOf(syntax)),
      Buffer.concat([element(0x00081195, '1.2.9 '), sequence(0x00081199, reference(1), reference(2))]),
    ];
    const outcomes = new Map<string, number>();
    for (let n = 0; n < 20_000; n += 1) {
      const bytes = mutated(originals[n % originals.length]!, random);
      const outcome = problemIn(bytes, n % 3 === 1 ? EXPLICIT_VR_LITTLE_ENDIAN : IMPLICIT_VR_LITTLE_ENDIAN);
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    for (const expected of ['none', 'unreadable', 'invalid'])
      assert.ok((outcomes.get(expected) ?? 0) > 100, `${expected}: ${[...outcomes]}`);
  });
});

function problemIn(bytes: Buffer, syntax: string): string {
  try {
    const { references: read } = readActionInformation(bytes, syntax, 10);
    const { committed, failed } = readEventInformation(bytes, syntax, 10);
    assert.ok(read.length <= 10 && committed.length + failed.length <= 10);
    return 'none';
  } catch (error) {
    assert.ok(error instanceof CommitmentDataError, String(error));
    return error.problem;
  }
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

/** Bytes changed, cut, repeated, or a length made huge. */
function mutated(original: Buffer, random: (below: number) => number): Buffer {
  const bytes = Buffer.from(original);
  for (let n = random(3); n > 0; n -= 1) bytes[random(bytes.length)] = random(4) === 0 ? 0xff : random(256);
  const at = random(bytes.length);
  return [bytes, bytes.subarray(0, at), Buffer.concat([bytes, bytes.subarray(at)]), bytes][random(4)]!;
}

describe('the event information of a storage commitment result', () => {
  for (const syntax of SYNTAXES)
    it(`is read as it was written, in ${syntax}`, () => {
      const failed = [{ ...references[2]!, reason: FAILURE_REASON.noSuchObjectInstance }];
      const result = { transactionUid: '1.2.9', committed: references.slice(0, 2), failed };
      assert.deepEqual(readEventInformation(encodeEventInformation(result, syntax), syntax, 3), result);
      assert.throws(() => readEventInformation(encodeEventInformation(result, syntax), syntax, 2), { problem: 'too-many' });
    });

  it('counts as failed what is said to be both, and what fails without a reason', () => {
    const both = Buffer.concat([
      element(0x00081195, '1.2.9 '),
      sequence(0x00081198, reference(1)),
      sequence(0x00081199, reference(1), reference(2)),
    ]);
    assert.deepEqual(readEventInformation(both, IMPLICIT_VR_LITTLE_ENDIAN, 10), {
      transactionUid: '1.2.9',
      committed: [references[1]],
      failed: [{ ...references[0], reason: FAILURE_REASON.processingFailure }],
    });
    assert.throws(() => readEventInformation(sequence(0x00081199, reference(1)), IMPLICIT_VR_LITTLE_ENDIAN, 10), { problem: 'invalid' });
  });

  const result: CommitmentResult = {
    transactionUid: '1.2.9',
    committed: references.slice(0, 2),
    failed: [{ ...references[2]!, reason: FAILURE_REASON.noSuchObjectInstance }],
  };

  for (const syntax of SYNTAXES)
    it(`says the same to dcmjs, in ${syntax}`, () => {
      const bytes = encodeEventInformation(result, syntax);
      const stream = new dcmjs.data.ReadBufferStream(new Uint8Array(bytes).buffer, true);
      const {
        ReferencedSOPSequence: committed,
        FailedSOPSequence: failed,
        TransactionUID,
      } = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dcmjs.data.DicomMessage._read(stream, syntax)) as Record<string, never>;
      assert.equal(TransactionUID, '1.2.9');
      assert.deepEqual(pairs(committed), [`${CT} 1.2.3.1 `, `${CT} 1.2.3.2 `]);
      assert.deepEqual(pairs(failed), [`${CT} 1.2.3.3 ${0x0112}`]);
    });

  it('has event type 1 when everything is committed, else 2, and no empty sequence', () => {
    assert.equal(eventTypeOf(result), 2);
    const all = { ...result, failed: [] };
    assert.equal(eventTypeOf(all), 1);
    assert.equal(encodeEventInformation(all, IMPLICIT_VR_LITTLE_ENDIAN).includes(Buffer.from([0x08, 0x00, 0x98, 0x11])), false);
    const none = { ...result, committed: [] };
    assert.equal(encodeEventInformation(none, IMPLICIT_VR_LITTLE_ENDIAN).includes(Buffer.from([0x08, 0x00, 0x99, 0x11])), false);
  });
});

type Item = { ReferencedSOPClassUID: string; ReferencedSOPInstanceUID: string; FailureReason?: number };
const pairs = (items: Iterable<Item>): string[] =>
  [...items].map((one) => `${one.ReferencedSOPClassUID} ${one.ReferencedSOPInstanceUID} ${one.FailureReason ?? ''}`);
