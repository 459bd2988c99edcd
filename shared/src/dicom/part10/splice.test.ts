// Spliced and converted data sets: what was not touched is the original's own bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toExplicitVr } from './convert-data-set.ts';
import { type DescribedElement, randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { type DataSetScan, DataSetScanner } from './data-set-scanner.ts';
import { encodeElement, textElement } from './element.ts';
import { EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import { encapsulatedPixelData, offsetTables } from './encapsulated-pixel-data.ts';
import { type ReadRange, type Splice, spliceDataSet } from './splice.ts';

const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';

function scanned(bytes: Buffer, transferSyntaxUid = EXPLICIT): DataSetScan {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: [] });
  scanner.write(bytes);
  return scanner.end() as DataSetScan;
}

/** In pieces of 5 bytes, and counting what is read. */
function readerOf(bytes: Buffer): { read: ReadRange; ranges: [number, number][] } {
  const ranges: [number, number][] = [];
  async function* pieces(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; at += 5) yield bytes.subarray(at, Math.min(end, at + 5));
  }
  return {
    ranges,
    read: (start, end) => {
      ranges.push([start, end]);
      return pieces(start, end);
    },
  };
}

async function spliced(bytes: Buffer, changes: Partial<Splice>): Promise<Buffer> {
  const { read } = readerOf(bytes);
  return Buffer.concat(await Array.fromAsync(spliceDataSet({ scan: scanned(bytes), explicit: true, read, ...changes })));
}

const cs = (tag: number, text: string): DescribedElement => ({ tag, vr: 'CS', value: Buffer.from(text) });
const ELEMENTS: DescribedElement[] = [
  cs(0x00080060, 'CT'),
  { tag: 0x00091010, vr: 'UN', value: Buffer.from('private ') },
  { tag: 0x00280000, vr: 'UL', value: Buffer.alloc(4) },
  cs(0x00280004, 'RGB '),
  { tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(64, 9) },
  { tag: 0xfffcfffc, vr: 'OB', value: Buffer.alloc(4) },
];
const ORIGINAL = writeDataSet(ELEMENTS, EXPLICIT_LITTLE);
const without = (...tags: number[]): DescribedElement[] => ELEMENTS.filter(({ tag }) => !tags.includes(tag));

test('with nothing to change the result is the original, read in one range', async () => {
  const { read, ranges } = readerOf(ORIGINAL);
  const result = await Array.fromAsync(spliceDataSet({ scan: scanned(ORIGINAL), explicit: true, read }));
  assert.deepEqual(Buffer.concat(result), ORIGINAL);
  assert.deepEqual(ranges, [[0, ORIGINAL.length]]);
});

test('an element that exists is replaced where it stands, a new one is inserted by its tag, one is removed', async () => {
  const result = await spliced(ORIGINAL, {
    set: [textElement(0x00280004, 'CS', 'YBR_RCT'), textElement(0x00080080, 'LO', 'North'), textElement(0x00080008, 'CS', 'DERIVED')],
    remove: [0x00091010],
  });
  const expected = [
    cs(0x00080008, 'DERIVED '),
    ELEMENTS[0]!,
    { tag: 0x00080080, vr: 'LO', value: Buffer.from('North ') },
    cs(0x00280004, 'YBR_RCT '),
    ...ELEMENTS.slice(4),
  ];
  assert.deepEqual(result, writeDataSet(expected, EXPLICIT_LITTLE));
});

test('pixel data is replaced by fragments and the padding behind it stays', async () => {
  const frames = [Buffer.alloc(5, 1), Buffer.alloc(6, 2)];
  const result = await spliced(ORIGINAL, { pixelData: encapsulatedPixelData(frames, [5, 6]) });
  const table = Buffer.from('000000000e000000', 'hex');
  const fragments = [table, Buffer.concat([frames[0]!, Buffer.alloc(1)]), frames[1]!];
  const expected = [...without(0x7fe00010, 0xfffcfffc), { tag: 0x7fe00010, vr: 'OB', fragments }, ELEMENTS[5]!];
  assert.deepEqual(result, writeDataSet(expected, EXPLICIT_LITTLE));
});

test('offset tables of the old pixel data go with it, unless new ones are set', async () => {
  const table = (bytes: number): DescribedElement => ({ tag: 0x7fe00001, vr: 'OV', value: Buffer.alloc(bytes) });
  const pixels = ELEMENTS[4]!;
  const bytes = writeDataSet([table(8), pixels], EXPLICIT_LITTLE);
  const pixelData = [writeDataSet([pixels], EXPLICIT_LITTLE)];
  assert.deepEqual(await spliced(bytes, { pixelData }), pixelData[0]);
  const set = [{ tag: 0x7fe00001, vr: 'OV', value: Buffer.alloc(16) }];
  assert.deepEqual(await spliced(bytes, { pixelData, set }), writeDataSet([table(16), pixels], EXPLICIT_LITTLE));
});

test('an element that stands twice is replaced by one', async () => {
  const twice = writeDataSet([cs(0x00080060, 'CT'), cs(0x00080060, 'MR')], EXPLICIT_LITTLE);
  assert.deepEqual(
    await spliced(twice, { set: [textElement(0x00080060, 'CS', 'US')] }),
    writeDataSet([cs(0x00080060, 'US')], EXPLICIT_LITTLE),
  );
});

test('a data set in implicit VR gets implicit elements', async () => {
  const bytes = writeDataSet(ELEMENTS, IMPLICIT_LITTLE);
  const { read } = readerOf(bytes);
  const splice = { scan: scanned(bytes, IMPLICIT), explicit: false, read, set: [textElement(0x00080060, 'CS', 'MR')] };
  const result = Buffer.concat(await Array.fromAsync(spliceDataSet(splice)));
  assert.deepEqual(result, writeDataSet([cs(0x00080060, 'MR'), ...without(0x00080060)], IMPLICIT_LITTLE));
});

test('a scan that does not account for every byte is refused', async () => {
  const scanner = new DataSetScanner({ transferSyntaxUid: EXPLICIT, wanted: [], limits: { indexedElements: 2 } });
  scanner.write(ORIGINAL);
  await assert.rejects(spliced(ORIGINAL, { scan: scanner.snapshot() }), /scanned whole/);
  await assert.rejects(spliced(ORIGINAL, { scan: scanner.end() as DataSetScan }), /scanned whole/);
  const noPixels = writeDataSet(ELEMENTS.slice(0, 2), EXPLICIT_LITTLE);
  await assert.rejects(spliced(noPixels, { pixelData: [] }), /no pixel data/);
});

test('500 random data sets with random changes scan whole, and hold exactly the tags that they should', async () => {
  const random = seededRandom(11);
  for (let round = 0; round < 500; round++) {
    const elements = randomDataSet(random);
    const bytes = writeDataSet(elements, EXPLICIT_LITTLE);
    const remove = elements.filter(() => random() < 0.2).map(({ tag }) => tag);
    const set = [0x00080060, 0x00101010, 0x00321060]
      .filter(() => random() < 0.5)
      .map((tag) => textElement(tag, 'LO', 'x'.repeat(Math.floor(random() * 9))));
    const result = await spliced(bytes, { set, remove });
    const setTags = set.map(({ tag }) => tag);
    const expected = [...new Set([...elements.map(({ tag }) => tag).filter((tag) => !remove.includes(tag)), ...setTags])].sort(
      (a, b) => a - b,
    );
    const scan = scanned(result);
    assert.deepEqual(
      scan.elements.map(({ tag }) => tag),
      expected,
    );
    for (const { tag, headerOffset, endOffset } of scan.elements) {
      const source = set.find((element) => element.tag === tag);
      const original = source ? encodeElement(source) : writeDataSet([elements.find((element) => element.tag === tag)!], EXPLICIT_LITTLE);
      assert.deepEqual(result.subarray(headerOffset, endOffset), original);
    }
  }
});

test('offsets beyond 32 bits go into the Extended Offset Table, and the Basic Offset Table is empty then', () => {
  const lengths = [0xfffffff0 - 1, 11, 7];
  const { basic, extended } = offsetTables(lengths);
  assert.equal(basic.length, 0);
  assert.deepEqual(
    extended.map(({ tag, vr }) => [tag, vr]),
    [
      [0x7fe00001, 'OV'],
      [0x7fe00002, 'OV'],
    ],
  );
  const numbers = extended.map(({ value }) => [0, 8, 16].map((at) => Number(value.readBigUInt64LE(at))));
  assert.deepEqual(numbers, [[0, 0xfffffff8, 0xfffffff8 + 8 + 12], lengths]);
  assert.deepEqual(offsetTables([0xfffffff0, 10]), { basic: Buffer.from('00000000f8ffffff', 'hex'), extended: [] });
});

test('frames of other lengths than announced are refused', async () => {
  const write = (lengths: number[]): Promise<Buffer[]> => Array.fromAsync(encapsulatedPixelData([Buffer.alloc(4)], lengths));
  await assert.rejects(write([6]), /frame 1 has 4 bytes, not 6/);
  await assert.rejects(write([4, 4]), /1 frames, not 2/);
  await assert.rejects(write([]), /frame 1 has 4 bytes, not undefined/);
});

test('300 implicit data sets are converted as if written explicit, pixel data and padding included', async () => {
  const random = seededRandom(12);
  for (let round = 0; round < 300; round++) {
    const elements = randomDataSet(random);
    const bytes = writeDataSet(elements, IMPLICIT_LITTLE);
    const result = Buffer.concat(await Array.fromAsync(toExplicitVr(scanned(bytes, IMPLICIT), readerOf(bytes).read)));
    assert.deepEqual(result, writeDataSet(elements, EXPLICIT_LITTLE));
  }
});
