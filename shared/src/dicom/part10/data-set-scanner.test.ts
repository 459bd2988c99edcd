// What a scan finds in data sets of every byte layout, cut into any chunks, whole or damaged.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { type DescribedElement, randomChunks, randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { type DataSetScan, DataSetScanner, elementEncodingOf, type ScannerOptions } from './data-set-scanner.ts';
import { EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import { DicomParseError } from './parse-error.ts';

const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';
const DEFLATED = '1.2.840.10008.1.2.1.99';
const BIG = '1.2.840.10008.1.2.2';
const JPEG = '1.2.840.10008.1.2.4.70';
const UNKNOWN = '1.2.999.1';

interface ScanCase extends Partial<ScannerOptions> {
  readonly chunks?: Iterable<Buffer>;
}

async function scan(bytes: Buffer, { chunks, ...options }: ScanCase = {}): Promise<DataSetScan> {
  const scanner = new DataSetScanner({ transferSyntaxUid: EXPLICIT, wanted: [], ...options });
  for (const chunk of chunks ?? [bytes]) await scanner.write(chunk);
  return scanner.end();
}

const one = (tag: number, vr: string, text: string): DescribedElement => ({ tag, vr, value: Buffer.from(text) });
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
/** Some elements and a request's sequence with a code in it; `open` sequences in each way. */
const STUDY: DescribedElement[] = [
  one(0x00080005, 'CS', '\\ISO 2022 IR 87 '),
  one(0x00080018, 'UI', '1.2.3\0'),
  { tag: 0x00280010, vr: 'US', value: hex('0002') },
  {
    tag: 0x00321064,
    vr: 'SQ',
    open: true,
    items: [
      { open: true, elements: [one(0x00080100, 'SH', 'CODE'), one(0x00080104, 'LO', 'MEANING ')] },
      { elements: [one(0x00080100, 'SH', 'SECOND')] },
    ],
  },
  { tag: 0x00400275, vr: 'SQ', items: [{ elements: [one(0x00400007, 'LO', 'STEP')] }] },
  { tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(1000, 7) },
];
const WANTED = ['00080018', '00280010', '0032106400080100', '0040027500400007', '00100010'];

for (const [name, transferSyntaxUid] of Object.entries({ IMPLICIT, EXPLICIT, BIG, DEFLATED })) {
  test(`wanted values come out the same from ${name}, through defined and undefined lengths, from first items only`, async () => {
    const plain = writeDataSet(STUDY, elementEncodingOf(transferSyntaxUid));
    const bytes = transferSyntaxUid === DEFLATED ? deflateRawSync(plain) : plain;
    const found = await scan(bytes, { transferSyntaxUid, wanted: WANTED });
    const values = Object.fromEntries([...found.values].map(([path, value]) => [path, value.toString('latin1')]));
    assert.deepEqual(values, {
      '00080005': '\\ISO 2022 IR 87 ',
      '00080018': '1.2.3\0',
      '00280010': '\x00\x02',
      '0032106400080100': 'CODE',
      '0040027500400007': 'STEP',
    });
    assert.deepEqual(found.specificCharacterSet, ['', 'ISO 2022 IR 87']);
    assert.deepEqual([found.vrs.get('00280010'), found.vrs.get('0032106400080100')], ['US', 'SH']);
    assert.deepEqual([found.complete, found.opaque, found.endOffset], [true, false, plain.length]);
  });
}

test('the index tells where each top-level element stands, pixel data and padding behind it included', async () => {
  const elements = [...STUDY, { tag: 0xfffcfffc, vr: 'OB', value: Buffer.alloc(6) }];
  const bytes = writeDataSet(elements, EXPLICIT_LITTLE);
  const found = await scan(bytes);
  assert.deepEqual(
    found.elements.map(({ tag, vr }) => [tag, vr]),
    elements.map(({ tag, vr }) => [tag, vr]),
  );
  for (const [index, { headerOffset, endOffset }] of found.elements.entries()) {
    assert.deepEqual(bytes.subarray(headerOffset, endOffset), writeDataSet([elements[index]!], EXPLICIT_LITTLE));
  }
  const { pixelData } = found;
  assert.deepEqual([pixelData?.length, pixelData?.undefinedLength, pixelData?.endOffset], [1000, false, bytes.length - 18]);
  assert.equal(bytes[pixelData!.valueOffset], 7);
});

test('encapsulated pixel data is walked by its fragments, whatever bytes are in them', async () => {
  const fragments = [Buffer.alloc(0), hex('feffdde000000000'), Buffer.alloc(300, 0xff)];
  const bytes = writeDataSet([one(0x00080060, 'CS', 'CT'), { tag: 0x7fe00010, vr: 'OB', fragments }], EXPLICIT_LITTLE);
  const { pixelData } = await scan(bytes, { transferSyntaxUid: JPEG });
  assert.deepEqual([pixelData?.length, pixelData?.undefinedLength, pixelData?.endOffset], [-1, true, bytes.length]);
});

test('a snapshot at the pixel data has what stands before it', () => {
  const bytes = writeDataSet(STUDY, EXPLICIT_LITTLE);
  const scanner = new DataSetScanner({ transferSyntaxUid: EXPLICIT, wanted: WANTED });
  scanner.write(bytes.subarray(0, 40));
  assert.equal(scanner.pixelDataReached, false);
  scanner.write(bytes.subarray(40, bytes.length - 900));
  assert.equal(scanner.pixelDataReached, true);
  const found = scanner.snapshot();
  assert.deepEqual([found.complete, found.elements.length, found.values.size], [false, 6, 5]);
});

test('a value longer than the limit is cut and said to be; paths in lower case are the same tags', async () => {
  const bytes = writeDataSet([{ tag: 0x0008103e, vr: 'LO', value: Buffer.alloc(50, 'x') }], EXPLICIT_LITTLE);
  const found = await scan(bytes, { wanted: ['0008103e', '0008103E'], limits: { valueBytes: 16 } });
  assert.equal(found.values.get('0008103e')?.toString(), 'x'.repeat(16));
  assert.equal(found.values.get('0008103E')?.length, 16);
  assert.deepEqual([...found.truncated], ['0008103e', '0008103E']);
});

test('numbers of a big endian data set are handed out little endian, across chunks too', async () => {
  const value = hex('0102030405060708');
  const bytes = writeDataSet(
    [
      { tag: 0x00409225, vr: 'FD', value },
      { tag: 0x00280010, vr: 'US', value: hex('0102') },
    ],
    EXPLICIT_BIG,
  );
  const chunks = [bytes.subarray(0, 11), bytes.subarray(11)];
  const found = await scan(bytes, { transferSyntaxUid: BIG, wanted: ['00409225', '00280010'], chunks });
  assert.deepEqual([found.values.get('00409225'), found.values.get('00280010')], [value, hex('0102')]);
});

test('group 2 inside a data set is noticed and read as explicit little endian in every layout', async () => {
  const group2 = writeDataSet(
    [{ tag: 0x00020001, vr: 'OB', value: hex('0001') }, one(0x00020010, 'UI', '1.2.840.10008.1.2.1\0')],
    EXPLICIT_LITTLE,
  );
  for (const transferSyntaxUid of [IMPLICIT, EXPLICIT, BIG]) {
    const rest = writeDataSet(STUDY, elementEncodingOf(transferSyntaxUid));
    const found = await scan(Buffer.concat([group2, rest]), { transferSyntaxUid, wanted: WANTED });
    assert.deepEqual(found.group2, { offset: 0, endOffset: group2.length });
    assert.equal(found.values.get('00080018')?.toString(), '1.2.3\0');
  }
  assert.equal((await scan(writeDataSet(STUDY, EXPLICIT_LITTLE))).group2, undefined);
});

test('group lengths, elements out of order and VRs of the future (32-bit length) are taken as they come', async () => {
  const bytes = writeDataSet(
    [
      { tag: 0x00100000, vr: 'UL', value: hex('ff000000') },
      { tag: 0x00100020, vr: 'LO', value: Buffer.from('ID') },
      { tag: 0x00080099, vr: 'ZZ', value: Buffer.alloc(70_000) },
      one(0x00080018, 'UI', '1.2.3\0'),
    ],
    EXPLICIT_LITTLE,
  );
  const found = await scan(bytes, { wanted: ['00080018'] });
  assert.equal(found.elements.length, 4);
  assert.equal(found.values.get('00080018')?.length, 6);
});

test('a UN sequence of undefined length is read as implicit little endian (PS3.5 6.2.2), or as explicit where a sender wrote it so', async () => {
  for (const inner of [IMPLICIT_LITTLE, EXPLICIT_LITTLE]) {
    const sequence = writeDataSet(
      [{ tag: 0x00091010, vr: 'SQ', items: [{ open: true, elements: [one(0x00091011, 'UN', 'deep')] }], open: true }],
      inner,
    );
    const header = hex('0900 1010 554e 0000 ffffffff');
    const bytes = Buffer.concat([
      header,
      sequence.subarray(inner === IMPLICIT_LITTLE ? 8 : 12),
      writeDataSet([one(0x00100020, 'LO', 'ID')], EXPLICIT_LITTLE),
    ]);
    const found = await scan(bytes, { wanted: ['0009101000091011', '00100020'] });
    assert.equal(found.values.get('0009101000091011')?.toString(), 'deep');
    assert.equal(found.values.get('00100020')?.toString(), 'ID');
  }
});

test('an unknown transfer syntax is read as explicit little endian, and is opaque when it is not', async () => {
  const explicit = await scan(writeDataSet(STUDY, EXPLICIT_LITTLE), { transferSyntaxUid: UNKNOWN, wanted: WANTED });
  assert.deepEqual([explicit.opaque, explicit.values.size], [false, 5]);
  const bytes = writeDataSet(STUDY, IMPLICIT_LITTLE);
  const opaque = await scan(bytes, { transferSyntaxUid: UNKNOWN, wanted: WANTED, chunks: randomChunks(bytes, seededRandom(1)) });
  assert.deepEqual([opaque.opaque, opaque.values.size, opaque.elements.length, opaque.endOffset], [true, 0, 0, bytes.length]);
});

const explicitBytes = writeDataSet(STUDY, EXPLICIT_LITTLE);
const deep = (levels: number): DescribedElement[] =>
  levels === 0 ? [] : [{ tag: 0x00400275, vr: 'SQ', open: true, items: [{ open: true, elements: deep(levels - 1) }] }];
const REFUSED: [string, Buffer, string, RegExp][] = [
  ['a value cut short', explicitBytes.subarray(0, -1), EXPLICIT, /ends 1 bytes before .* \(7FE0,0010\)/],
  ['a header cut short', Buffer.concat([explicitBytes, hex('fcff')]), EXPLICIT, /ends within the header/],
  ['a missing sequence delimiter', hex('08001511 53510000ffffffff'), EXPLICIT, /ends within a sequence/],
  ['a missing fragment delimiter', hex('e07f1000 4f420000ffffffff feff00e000000000'), JPEG, /ends within a fragments/],
  ['implicit where explicit was negotiated', writeDataSet(STUDY, IMPLICIT_LITTLE), EXPLICIT, /not in its transfer syntax/],
  ['explicit where implicit was negotiated', explicitBytes, IMPLICIT, /explicit VR where implicit VR is expected/],
  [
    'explicit where implicit was negotiated, by a VR whose letters could be a length',
    hex('08001200 4441 0000'),
    IMPLICIT,
    /explicit VR where/,
  ],
  ['little endian where big endian was negotiated', explicitBytes, BIG, /./],
  ['an item longer than its sequence', hex('08001511 53510000 ffffffff feff00e010000000 10002000 4c4f f0ff'), EXPLICIT, /./],
  ['an element where an item belongs', hex('08001511 53510000 ffffffff 10002000 4c4f0000'), EXPLICIT, /neither item nor delimiter/],
  ['a delimiter at the top level', hex('feffdde000000000'), EXPLICIT, /delimiter or item where an element belongs/],
  ['a fragment of undefined length', hex('e07f1000 4f420000ffffffff feff00e0ffffffff'), JPEG, /fragment of undefined length/],
  ['65 nested sequences', writeDataSet(deep(66), EXPLICIT_LITTLE), EXPLICIT, /nested deeper than 64/],
  ['bytes that are no deflate stream', hex('ffffffffffff'), DEFLATED, /not a whole deflate stream/],
  ['a deflate stream cut short', deflateRawSync(explicitBytes).subarray(0, -8), DEFLATED, /not a whole deflate stream/],
  [
    'bytes behind the deflate stream',
    Buffer.concat([deflateRawSync(explicitBytes), Buffer.alloc(10)]),
    DEFLATED,
    /after the deflate stream/,
  ],
];
for (const [name, bytes, transferSyntaxUid, message] of REFUSED) {
  test(`${name} is a DicomParseError that names the place`, async () => {
    await assert.rejects(
      () => scan(bytes, { transferSyntaxUid, wanted: WANTED }),
      (error) => error instanceof DicomParseError && message.test(error.message) && / at offset \d+/.test(error.message),
    );
  });
}

test('64 nested sequences are walked, in two chunks as in one', async () => {
  const bytes = writeDataSet(deep(64), EXPLICIT_LITTLE);
  assert.equal((await scan(bytes)).elements.length, 1);
  assert.equal((await scan(bytes, { chunks: [bytes.subarray(0, 7), bytes.subarray(7)] })).endOffset, bytes.length);
});

test('a deflated data set that inflates beyond the limit is refused, however small it came', async () => {
  const bytes = deflateRawSync(writeDataSet([{ tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(3_000_000) }], EXPLICIT_LITTLE));
  await assert.rejects(
    scan(bytes, { transferSyntaxUid: DEFLATED, limits: { inflatedBytes: 1_000_000 } }),
    /inflates to more than 1000000 bytes/,
  );
  assert.equal((await scan(bytes, { transferSyntaxUid: DEFLATED })).endOffset, 3_000_012);
});

test('a value of 4 GB passes by in chunks that are not kept, and offsets beyond 32 bits are right', async () => {
  const pixels = Buffer.from('e07f10004f5700000000ffff', 'hex');
  pixels.writeUInt32LE(0xfffffff0, 8);
  const chunk = Buffer.alloc(1024 * 1024);
  function* chunks(): Generator<Buffer> {
    yield pixels;
    for (let left = 0xfffffff0; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
    yield writeDataSet([{ tag: 0xfffcfffc, vr: 'OB', value: Buffer.alloc(2) }], EXPLICIT_LITTLE);
  }
  const found = await scan(Buffer.alloc(0), { chunks: chunks() });
  assert.deepEqual(
    [found.pixelData?.endOffset, found.elements[1]?.headerOffset, found.endOffset],
    [0xfffffffc, 0xfffffffc, 0xfffffffc + 14],
  );
});

test('the index stops at its limit and says so; values are still found', async () => {
  const bytes = writeDataSet(STUDY, EXPLICIT_LITTLE);
  const found = await scan(bytes, { wanted: WANTED, limits: { indexedElements: 2 } });
  assert.deepEqual([found.elements.length, found.indexComplete, found.values.size], [2, false, 5]);
  assert.ok(found.pixelData);
});

test('after an error every further call fails with it', () => {
  const scanner = new DataSetScanner({ transferSyntaxUid: EXPLICIT, wanted: [] });
  const refused = { name: 'DicomParseError', message: /no VR/ };
  assert.throws(() => scanner.write(Buffer.alloc(40)), refused);
  assert.throws(() => scanner.write(Buffer.alloc(40)), refused);
  assert.throws(() => scanner.end(), refused);
});

/** Everything a scan says, or the words of its error without their place, which depends on the chunks only in a cut header. */
function outcome(bytes: Buffer, transferSyntaxUid: string, chunks: Iterable<Buffer>): string {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: WANTED });
  try {
    for (const chunk of chunks) scanner.write(chunk);
    const found = scanner.end() as DataSetScan;
    assert.equal(found.endOffset, bytes.length);
    return JSON.stringify([[...found.values], found.elements, found.pixelData, found.group2, found.opaque]);
  } catch (error) {
    if (!(error instanceof DicomParseError)) throw error;
    return error.message.replace(/, at offset.*/, '');
  }
}

test('2,000 random data sets are found whole, and mutated ones give the same result for every chunking and no other error', () => {
  const random = seededRandom(20_240_601);
  let damaged = 0;
  for (let round = 0; round < 2_000; round++) {
    const transferSyntaxUid = [IMPLICIT, EXPLICIT, BIG, JPEG, UNKNOWN][round % 5]!;
    const elements = randomDataSet(random, { fragmented: transferSyntaxUid === JPEG });
    const bytes = writeDataSet(elements, elementEncodingOf(transferSyntaxUid));
    const whole = outcome(bytes, transferSyntaxUid, [bytes]);
    assert.equal((JSON.parse(whole) as unknown[][])[1]!.length, elements.length);
    assert.equal(outcome(bytes, transferSyntaxUid, randomChunks(bytes, random)), whole);
    const mutated = Buffer.from(bytes.subarray(0, random() < 0.3 ? Math.floor(random() * bytes.length) : bytes.length));
    for (let flips = 1 + Math.floor(random() * 4); flips > 0 && mutated.length > 0; flips--) {
      mutated[Math.floor(random() * mutated.length)] = Math.floor(random() * 256);
    }
    const result = outcome(mutated, transferSyntaxUid, [mutated]);
    assert.equal(outcome(mutated, transferSyntaxUid, randomChunks(mutated, random)), result);
    if (!result.startsWith('[')) damaged += 1;
  }
  assert.ok(damaged > 200, `only ${damaged} mutations were noticed`);
});
