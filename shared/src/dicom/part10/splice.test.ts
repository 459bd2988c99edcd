// Data sets with elements put in, replaced and taken out: what was not touched is the original's own bytes, in every byte layout and whatever the chunks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescribedElement, randomChunks, randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { type DataSetScan, DataSetScanner } from './data-set-scanner.ts';
import { elementBytes } from './element-bytes.ts';
import { type ElementEncoding, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import { planCuts, spliced } from './splice.ts';

const LAYOUTS: [syntax: string, encoding: ElementEncoding][] = [
  ['1.2.840.10008.1.2', IMPLICIT_LITTLE],
  ['1.2.840.10008.1.2.1', EXPLICIT_LITTLE],
  ['1.2.840.10008.1.2.2', EXPLICIT_BIG],
];

function scanned(bytes: Buffer, transferSyntaxUid: string): DataSetScan {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: [] });
  scanner.write(bytes);
  return scanner.end() as DataSetScan;
}

interface Case {
  readonly encoding?: ElementEncoding;
  readonly set?: readonly DescribedElement[];
  readonly remove?: readonly number[];
  readonly chunks?: Iterable<Buffer>;
}

async function result(bytes: Buffer, { encoding = EXPLICIT_LITTLE, set = [], remove = [], chunks = [bytes] }: Case): Promise<Buffer> {
  const syntax = LAYOUTS.find(([, layout]) => layout === encoding)![0];
  const replacements = new Map([
    ...set.map((one) => [one.tag, writeDataSet([one], encoding)] as const),
    ...remove.map((tag) => [tag, Buffer.alloc(0)] as const),
  ]);
  return Buffer.concat(await Array.fromAsync(spliced(chunks, planCuts({ scan: scanned(bytes, syntax), encoding, replacements }))));
}

const cs = (tag: number, text: string): DescribedElement => ({ tag, vr: 'CS', value: Buffer.from(text) });
const length = (group: number, bytes: number): DescribedElement => {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(bytes);
  return { tag: (group << 16) >>> 0, vr: 'UL', value };
};
const ELEMENTS: DescribedElement[] = [
  cs(0x00080060, 'CT'),
  { tag: 0x00091010, vr: 'UN', value: Buffer.from('private ') },
  cs(0x00280004, 'RGB '),
  { tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(64, 9) },
  { tag: 0xfffcfffc, vr: 'OB', value: Buffer.alloc(4) },
];

for (const [syntax, encoding] of LAYOUTS)
  test(`an element is replaced where it stands, a new one inserted by its tag, one taken out, in ${syntax}`, async () => {
    const original = writeDataSet(ELEMENTS, encoding);
    const set = [cs(0x00080060, 'MR'), cs(0x00080080, 'North '), cs(0x00080008, 'DERIVED ')];
    const expected = [set[2]!, set[0]!, set[1]!, ...ELEMENTS.slice(2)];
    assert.deepEqual(await result(original, { encoding, set, remove: [0x00091010] }), writeDataSet(expected, encoding));
  });

test('nothing to change, or to take out what is not there, is the original', async () => {
  const original = writeDataSet(ELEMENTS, EXPLICIT_LITTLE);
  assert.deepEqual(await result(original, {}), original);
  assert.deepEqual(await result(original, { remove: [0x00100010] }), original);
});

test('group lengths of the groups that change are made true, the others stay as they are', async () => {
  for (const [, encoding] of LAYOUTS) {
    const wrong = length(0x0009, 99);
    const group8 = [cs(0x00080060, 'CT'), cs(0x00080070, 'ACME')];
    const sizeOf = (elements: DescribedElement[]): number => writeDataSet(elements, encoding).length;
    const rest = [wrong, ...ELEMENTS.slice(1)];
    const original = writeDataSet([length(8, sizeOf(group8)), ...group8, ...rest], encoding);
    const changed = [cs(0x00080060, 'CT'), cs(0x00080068, 'FOR PRESENTATION'), cs(0x00080070, 'OTHER ')];
    const expected = writeDataSet([length(8, sizeOf(changed)), ...changed, ...rest], encoding);
    assert.deepEqual(await result(original, { encoding, set: changed.slice(1) }), expected);
  }
});

test('an element that stands twice is replaced by one', async () => {
  const twice = writeDataSet([cs(0x00080060, 'CT'), cs(0x00080060, 'MR')], EXPLICIT_LITTLE);
  assert.deepEqual(await result(twice, { set: [cs(0x00080060, 'US')] }), writeDataSet([cs(0x00080060, 'US')], EXPLICIT_LITTLE));
});

test('a scan as far as the pixel data is enough: what follows passes by', async () => {
  const original = writeDataSet(ELEMENTS, EXPLICIT_LITTLE);
  const scanner = new DataSetScanner({ transferSyntaxUid: LAYOUTS[1]![0], wanted: [] });
  for (const chunk of randomChunks(original, seededRandom(1))) {
    if (scanner.pixelDataReached) break;
    scanner.write(chunk);
  }
  const name = { tag: 0x00400007, vr: 'LO', value: Buffer.from('x ') };
  const replacements = new Map([[name.tag, elementBytes(name, EXPLICIT_LITTLE)]]);
  const cuts = planCuts({ scan: scanner.snapshot(), encoding: EXPLICIT_LITTLE, replacements });
  const expected = writeDataSet([...ELEMENTS.slice(0, 3), name, ...ELEMENTS.slice(3)], EXPLICIT_LITTLE);
  assert.deepEqual(Buffer.concat(await Array.fromAsync(spliced([original], cuts))), expected);
});

test('what cannot be relied on for every byte is refused', async () => {
  const original = writeDataSet(ELEMENTS, EXPLICIT_LITTLE);
  const replacements = new Map([[0x00080060, Buffer.alloc(0)]]);
  const scan = (limit: number) => {
    const scanner = new DataSetScanner({ transferSyntaxUid: LAYOUTS[1]![0], wanted: [], limits: { indexedElements: limit } });
    scanner.write(original);
    return scanner.end() as DataSetScan;
  };
  assert.throws(() => planCuts({ scan: scan(2), encoding: EXPLICIT_LITTLE, replacements }), /more than 2 elements/);
  assert.throws(() => planCuts({ scan: { ...scan(9), opaque: true }, encoding: EXPLICIT_LITTLE, replacements }), /unknown/);
  const cuts = planCuts({ scan: scan(9), encoding: EXPLICIT_LITTLE, replacements });
  await assert.rejects(Array.fromAsync(spliced([original.subarray(0, 5)], cuts)), /ends/);
});

test('500 random data sets of each layout, in random chunks, are as if written with the changes', async () => {
  const random = seededRandom(11);
  for (let round = 0; round < 1500; round++) {
    const [, encoding] = LAYOUTS[round % 3]!;
    const elements = randomDataSet(random);
    const bytes = writeDataSet(elements, encoding);
    const before = elements.filter(({ tag }) => tag < 0x7fe00000);
    const remove = before.filter(() => random() < 0.2).map(({ tag }) => tag);
    const set = [0x00080060, 0x00101010, 0x00321060]
      .filter((tag) => random() < 0.5 && !remove.includes(tag))
      .map((tag) => ({ tag, vr: 'LO', value: Buffer.from('x'.repeat(2 * Math.floor(random() * 5))) }));
    const kept = elements.filter(({ tag }) => !remove.includes(tag) && !set.some((one) => one.tag === tag));
    const expected = [...kept, ...set].sort((one, other) => one.tag - other.tag);
    const chunks = randomChunks(bytes, random);
    assert.deepEqual(await result(bytes, { encoding, set, remove, chunks }), writeDataSet(expected, encoding));
  }
});
