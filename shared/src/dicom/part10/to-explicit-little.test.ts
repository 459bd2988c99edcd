// Converted data sets: drawn ones come out as if written explicit little endian, damaged ones fail with DicomParseError or scan whole.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EXPLICIT_VR_BIG_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { type DescribedElement, randomChunks, randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { type DataSetScan, DataSetScanner, elementEncodingOf } from './data-set-scanner.ts';
import { EXPLICIT_LITTLE } from './element-header.ts';
import { DicomParseError } from './parse-error.ts';
import { CONVERSION_PATHS, toExplicitLittle } from './to-explicit-little.ts';

const SOURCES = { 'implicit little endian': IMPLICIT_VR_LITTLE_ENDIAN, 'explicit big endian': EXPLICIT_VR_BIG_ENDIAN };

function scanned(bytes: Buffer, transferSyntaxUid: string): DataSetScan {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: CONVERSION_PATHS });
  for (let at = 0; at < bytes.length && !scanner.pixelDataReached; at += 50) scanner.write(bytes.subarray(at, at + 50));
  return (scanner.pixelDataReached ? scanner.snapshot() : scanner.end()) as DataSetScan;
}

async function converted(bytes: Buffer, transferSyntaxUid: string, most = 40): Promise<Buffer> {
  async function* chunks(): AsyncGenerator<Buffer> {
    yield* randomChunks(bytes, seededRandom(1), most);
  }
  const scan = scanned(bytes, transferSyntaxUid);
  return Buffer.concat(await Array.fromAsync(toExplicitLittle({ scan, transferSyntaxUid }, chunks())));
}

/** Written by somebody else than the converter. */
const written = (elements: readonly DescribedElement[], transferSyntaxUid: string): Buffer =>
  writeDataSet(elements, elementEncodingOf(transferSyntaxUid));

for (const [words, syntax] of Object.entries(SOURCES)) {
  test(`500 data sets drawn in ${words} come out as if written in explicit little endian`, async () => {
    const random = seededRandom(12);
    for (let round = 0; round < 500; round++) {
      const elements = randomDataSet(random);
      assert.deepEqual(await converted(written(elements, syntax), syntax), writeDataSet(elements, EXPLICIT_LITTLE));
    }
  });

  test(`values of 64 KiB and more in ${words} pass by in pieces: numbers turned, look-up tables and pixels whole`, async () => {
    const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index & 0xff));
    const elements: DescribedElement[] = [
      { tag: 0x00281201, vr: 'OW', value: bytes(131_072) },
      { tag: 0x00420011, vr: 'OB', value: bytes(65_536) },
      { tag: 0x54001010, vr: 'OW', value: bytes(70_000) },
      { tag: 0x56000020, vr: 'OF', value: bytes(80_000) },
      { tag: 0x7fe00010, vr: 'OW', value: bytes(200_000) },
      { tag: 0xfffcfffc, vr: 'OB', value: bytes(100) },
    ];
    assert.deepEqual(await converted(written(elements, syntax), syntax, 1009), writeDataSet(elements, EXPLICIT_LITTLE));
  });

  test(`1,500 damaged data sets in ${words} are converted to something that scans whole, or refused with a DicomParseError`, async () => {
    const random = seededRandom(77);
    let refused = 0;
    for (let round = 0; round < 1_500; round++) {
      const bytes = written(randomDataSet(random), syntax);
      for (let flips = 0; flips < 3 && bytes.length > 0; flips++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      const outcome = await converted(bytes, syntax).catch((error: unknown) => {
        assert.ok(error instanceof DicomParseError, String((error as Error).stack));
        refused += 1;
      });
      if (outcome !== undefined) assert.doesNotThrow(() => scanned(outcome, EXPLICIT_VR_LITTLE_ENDIAN));
    }
    assert.ok(refused > 100 && refused < 1_400, `${refused} refused`);
  });
}

test('the VR of US or SS elements follows Pixel Representation, also in front of it and beside a large value', async () => {
  const elements = (vr: string, representation: string): DescribedElement[] => [
    { tag: 0x00189810, vr, value: Buffer.from('0100', 'hex') },
    { tag: 0x00280100, vr: 'US', value: Buffer.from('1000', 'hex') },
    { tag: 0x00280103, vr: 'US', value: Buffer.from(representation, 'hex') },
    { tag: 0x00281201, vr: 'OW', value: Buffer.alloc(100_000) },
    { tag: 0x00283002, vr, value: Buffer.from('ffff', 'hex') },
  ];
  for (const [vr, representation] of [
    ['US', '0000'],
    ['SS', '0100'],
  ] as const) {
    const implicit = written(elements(vr, representation), IMPLICIT_VR_LITTLE_ENDIAN);
    assert.deepEqual(await converted(implicit, IMPLICIT_VR_LITTLE_ENDIAN), writeDataSet(elements(vr, representation), EXPLICIT_LITTLE));
  }
});

test('UN of undefined length in big endian keeps its implicit little endian content', async () => {
  const inner = writeDataSet([{ tag: 0x00100010, vr: 'PN', value: Buffer.from('A^B ') }], elementEncodingOf(IMPLICIT_VR_LITTLE_ENDIAN));
  const item = Buffer.concat([Buffer.from('feff00e0ffffffff', 'hex'), inner, Buffer.from('feff0de000000000', 'hex')]);
  const delimiter = Buffer.from('feffdde000000000', 'hex');
  const big = Buffer.concat([Buffer.from('00091010554e0000ffffffff', 'hex'), item, delimiter]);
  const little = Buffer.concat([Buffer.from('09001010554e0000ffffffff', 'hex'), item, delimiter]);
  assert.deepEqual(await converted(big, EXPLICIT_VR_BIG_ENDIAN), little);
});

test('what cannot be converted surely is refused: compressed, group 2 inside, an unknown syntax', async () => {
  const pixels: DescribedElement = { tag: 0x7fe00010, vr: 'OB', fragments: [Buffer.alloc(2)] };
  const jpeg = written([pixels], '1.2.840.10008.1.2.4.50');
  await assert.rejects(converted(jpeg, '1.2.840.10008.1.2.4.50'), /pixel data is compressed \(JPEG Baseline/);
  await assert.rejects(converted(jpeg, EXPLICIT_VR_BIG_ENDIAN), DicomParseError);
  await assert.rejects(converted(Buffer.alloc(0), '1.2.3.4.5'), /transfer syntax 1.2.3.4.5 is unknown/);
  const group2 = Buffer.concat([Buffer.from('0200100055490400312e3200', 'hex'), Buffer.from('28001000020000000100', 'hex')]);
  await assert.rejects(converted(group2, IMPLICIT_VR_LITTLE_ENDIAN), /group 2 inside/);
});
