// The same data set written implicit and converted is the one written explicit; damaged ones fail with DicomParseError only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescribedElement, randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { DataSetScanner } from './data-set-scanner.ts';
import { EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import { implicitToExplicit } from './implicit-to-explicit.ts';
import { DicomParseError } from './parse-error.ts';

const converted = (elements: DescribedElement[]): Buffer => implicitToExplicit(writeDataSet(elements, IMPLICIT_LITTLE));
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const us = (tag: number, vr: string, value = '0100'): DescribedElement => ({ tag, vr, value: hex(value) });

test('1,000 random data sets come out as if they had been written in explicit VR, nested sequences of both kinds included', () => {
  const random = seededRandom(42);
  for (let round = 0; round < 1_000; round++) {
    const elements = randomDataSet(random);
    assert.deepEqual(converted(elements), writeDataSet(elements, EXPLICIT_LITTLE));
  }
});

test('US or SS follows Pixel Representation, wherever in the level it stands, and items inherit it', () => {
  for (const [representation, vr] of [
    ['0000', 'US'],
    ['0100', 'SS'],
  ] as const) {
    const elements = [
      us(0x00189810, vr),
      { tag: 0x00283000, vr: 'SQ', items: [{ elements: [us(0x00283002, vr)] }] },
      us(0x00280103, 'US', representation),
      us(0x00280106, vr),
      us(0x00280120, vr),
    ];
    assert.deepEqual(converted(elements), writeDataSet(elements, EXPLICIT_LITTLE));
  }
});

test("an item's own Pixel Representation goes before the one around it", () => {
  const elements = [
    us(0x00280103, 'US', '0100'),
    { tag: 0x00283000, vr: 'SQ', items: [{ elements: [us(0x00280103, 'US', '0000'), us(0x00283002, 'US')] }] },
  ];
  assert.deepEqual(converted(elements), writeDataSet(elements, EXPLICIT_LITTLE));
});

test('OB or OW becomes OW, private creators LO, private elements UN', () => {
  const elements = [
    us(0x00090010, 'LO'),
    us(0x00091010, 'UN'),
    us(0x00283006, 'OW'),
    us(0x54001010, 'OW'),
    us(0x60023000, 'OW'),
    us(0x7fe00010, 'OW'),
  ];
  assert.deepEqual(converted(elements), writeDataSet(elements, EXPLICIT_LITTLE));
});

test('a value that a 16-bit length cannot hold becomes UN (PS3.5 6.2.2)', () => {
  const long = { tag: 0x00080080, vr: 'LO', value: Buffer.alloc(65_536, 'x') };
  assert.deepEqual(converted([long]), writeDataSet([{ ...long, vr: 'UN' }], EXPLICIT_LITTLE));
  const fits = { tag: 0x00080080, vr: 'LO', value: Buffer.alloc(65_534, 'x') };
  assert.deepEqual(converted([fits]), writeDataSet([fits], EXPLICIT_LITTLE));
});

test('a private sequence of undefined length becomes SQ, one of defined length stays as it is in UN', () => {
  const inner = [{ tag: 0x00100010, vr: 'PN', value: Buffer.from('A^B ') }];
  const open: DescribedElement = { tag: 0x00091010, vr: 'SQ', items: [{ elements: inner, open: true }], open: true };
  assert.deepEqual(converted([open]), writeDataSet([open], EXPLICIT_LITTLE));
  const closed = writeDataSet([{ ...open, open: false }], IMPLICIT_LITTLE);
  assert.deepEqual(implicitToExplicit(closed), Buffer.concat([hex('09001010 554e0000'), closed.subarray(4)]));
});

test('a standard sequence that holds no items is kept byte for byte as UN', () => {
  const bytes = hex('08001511 08000000 4142434445464748');
  assert.deepEqual(implicitToExplicit(bytes), hex('08001511 554e0000 08000000 4142434445464748'));
});

test('group lengths are left out at every level', () => {
  const length = us(0x00080000, 'UL', '04000000');
  const sequence = (elements: DescribedElement[]): DescribedElement => ({ tag: 0x00081115, vr: 'SQ', items: [{ elements }] });
  const plain = us(0x00280010, 'US');
  assert.deepEqual(converted([length, sequence([length, plain]), plain]), writeDataSet([sequence([plain]), plain], EXPLICIT_LITTLE));
});

test('a header cut short, a missing delimiter and sequences without end are refused', () => {
  const refused = (bytes: Buffer, message: RegExp): void =>
    assert.throws(() => implicitToExplicit(bytes), { name: 'DicomParseError', message });
  refused(hex('08000500 04'), /cut short/);
  refused(hex('08000500 04000000 41'), /passes its end/);
  refused(hex('08001511 ffffffff'), /no delimiter ends it/);
  refused(Buffer.concat(Array.from({ length: 500 }, () => hex('08001511 ffffffff feff00e0 ffffffff'))), /nested deeper than 64/);
});

test('sequences of defined length nested thousands deep do not exhaust the stack', () => {
  let bytes = hex('28001000 02000000 0100');
  for (let depth = 0; depth < 5_000; depth++) {
    const header = hex('08001511 00000000 feff00e0 00000000');
    header.writeUInt32LE(bytes.length + 8, 4);
    header.writeUInt32LE(bytes.length, 12);
    bytes = Buffer.concat([header, bytes]);
  }
  assert.ok(implicitToExplicit(bytes).length > bytes.length);
});

test('2,000 mutated data sets are converted to something that scans whole, or refused with a DicomParseError', () => {
  const random = seededRandom(43);
  let refused = 0;
  for (let round = 0; round < 2_000; round++) {
    const bytes = writeDataSet(randomDataSet(random), IMPLICIT_LITTLE);
    for (let flips = 0; flips < 3 && bytes.length > 0; flips++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    let explicit: Buffer;
    try {
      explicit = implicitToExplicit(bytes);
    } catch (error) {
      assert.ok(error instanceof DicomParseError, String((error as Error).stack));
      refused += 1;
      continue;
    }
    const scanner = new DataSetScanner({ transferSyntaxUid: '1.2.840.10008.1.2.1', wanted: [] });
    scanner.write(explicit);
    scanner.end();
  }
  assert.ok(refused > 100 && refused < 1_900, `${refused} refused`);
});
