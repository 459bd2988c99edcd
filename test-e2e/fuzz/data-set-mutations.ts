// Mutations that know what elements are: tags, VRs, lengths, delimiters, order, and the bytes of character sets.
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import type { DataSetSample } from './corpus.ts';
import { type Below, mutatedBytes, pick } from './random.ts';

/** The sample with the places of its top-level elements, found once. */
export interface IndexedSample extends DataSetSample {
  /** Inflated. */
  readonly plain: Buffer;
  readonly offsets: readonly number[];
  readonly isDeflated: boolean;
}

export function indexed(sample: DataSetSample): IndexedSample[] {
  const isDeflated = sample.transferSyntaxUid.endsWith('.1.99');
  try {
    const plain = isDeflated ? inflateRawSync(sample.bytes) : sample.bytes;
    const scanner = new DataSetScanner({ transferSyntaxUid: isDeflated ? '1.2.840.10008.1.2.1' : sample.transferSyntaxUid, wanted: [] });
    scanner.write(plain);
    return [{ ...sample, plain, isDeflated, offsets: scanner.snapshot().elements.map(({ headerOffset }) => headerOffset) }];
  } catch {
    return [{ ...sample, plain: sample.bytes, isDeflated: false, offsets: [] }];
  }
}

const VRS = ['SQ', 'UN', 'OB', 'OW', 'LO', 'PN', 'US', 'UI', 'CS', 'DS', 'UT', 'ZZ', '??', '\0\0'];
const LENGTHS = [0, 1, 2, 3, 7, 8, 0xfffe, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff];
/** Item, delimiters, Specific Character Set with unusual terms, Original Attributes Sequence, a group length, an escape. */
const PIECES = [
  ...[
    'feff00e0ffffffff',
    'feff0de000000000',
    'feffdde000000000',
    'feff00e008000000',
    '020010005549040031322e33',
    '080000005554c0400000000',
  ],
  ...[
    '08000500435310005c49534f203230323220495220383720',
    '0400610553510000ffffffff',
    '1b2442',
    '1b2943',
    '1b2843',
    '08000000554c040010000000',
  ],
].map((hex) => Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));

type Mutation = (bytes: Buffer, at: number, below: Below) => Buffer;

const written = (bytes: Buffer, at: number, piece: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  piece.copy(copy, Math.min(at, copy.length));
  return copy;
};
const number32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

/** A byte of a value, most likely: the structure stays. */
const inValue: Mutation = (bytes, at, below) =>
  written(bytes, at + 8 + below(24), Buffer.of(pick([below(256), 0x1b, 0x5c, 0x00, 0x20, 0x39], below)));

const MUTATIONS: readonly Mutation[] = [
  inValue,
  inValue,
  inValue,
  (bytes, at, below) => written(bytes, at + 4, Buffer.from(pick(VRS, below), 'latin1')),
  (bytes, at, below) => written(bytes, at + 4, number32(pick(LENGTHS, below))),
  (bytes, at, below) => written(bytes, at + 6, number32(pick(LENGTHS, below)).subarray(0, 2)),
  (bytes, at, below) => written(bytes, at + 8, number32(pick(LENGTHS, below))),
  (bytes, at, below) => written(bytes, at, Buffer.from([below(2) * 8, 0, below(256), below(2)])),
  (bytes, at, below) => Buffer.concat([bytes.subarray(0, at), pick(PIECES, below), bytes.subarray(at)]),
  (bytes, at, below) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(bytes.length, at + below(40)))]),
  (bytes, at, below) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(60)))]),
];

const MOST_MUTATIONS = 3;

/** A mutated data set, in its transfer syntax or, now and then, said to be in another one. */
export function mutatedDataSet(corpus: readonly IndexedSample[], below: Below): DataSetSample & { readonly isMutated: boolean } {
  const sample = pick(corpus, below);
  let plain = sample.plain;
  const mutations = below(12) === 0 ? 0 : 1 + below(MOST_MUTATIONS);
  for (let count = 0; count < mutations; count++) {
    const at = sample.offsets.length > 0 ? pick(sample.offsets, below) : 0;
    plain = below(5) === 0 ? mutatedBytes(plain, below) : pick(MUTATIONS, below)(plain, Math.min(at, plain.length), below);
  }
  let bytes = sample.isDeflated ? deflateRawSync(plain) : plain;
  if (sample.isDeflated && mutations > 0 && below(3) === 0) bytes = mutatedBytes(bytes, below);
  const isOther = mutations > 0 && below(40) === 0;
  const transferSyntaxUid = isOther ? pick(corpus, below).transferSyntaxUid : sample.transferSyntaxUid;
  return { ...sample, bytes, transferSyntaxUid, isMutated: mutations > 0 };
}
