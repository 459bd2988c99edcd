// What is decoded, and what is left with which reason: reasons repeat no value of a data set but terms of the standard.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeDecodable } from './decodable.ts';
import type { ImageDescription } from './image-description.ts';

const GREY: ImageDescription = {
  ...{ samplesPerPixel: 1, photometricInterpretation: 'MONOCHROME2', rows: 4, columns: 4, bitsAllocated: 16, bitsStored: 12, highBit: 11 },
  ...{ pixelRepresentation: 0, pixelData: { tag: '7FE00010', length: -1 }, signedDigitally: false },
};
const COLOUR: ImageDescription = { ...GREY, samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, highBit: 7 };
const [BASELINE, LOSSLESS_JPEG, JPEG_LS, J2K, RLE] = ['4.50', '4.70', '4.80', '4.90', '5'].map((end) => `1.2.840.10008.1.2.${end}`) as [
  string,
  string,
  string,
  string,
  string,
];

const COLOURS: [syntax: string, name: string, result: string | undefined, toRgb: boolean][] = [
  [BASELINE, 'YBR_FULL_422', 'RGB', true],
  [BASELINE, 'YBR_FULL', 'RGB', true],
  [BASELINE, 'RGB', 'RGB', false],
  [BASELINE, 'YBR_RCT', undefined, false],
  [LOSSLESS_JPEG, 'YBR_FULL', 'YBR_FULL', false],
  [LOSSLESS_JPEG, 'YBR_FULL_422', undefined, false],
  [JPEG_LS, 'RGB', 'RGB', false],
  [J2K, 'YBR_RCT', 'RGB', false],
  [J2K, 'YBR_FULL', 'YBR_FULL', false],
  [RLE, 'YBR_FULL', 'YBR_FULL', false],
  [RLE, 'YBR_FULL_422', undefined, false],
  [RLE, 'CMYK', undefined, false],
];
for (const [syntax, name, result, toRgb] of COLOURS)
  test(`${name} in ${syntax} becomes ${result ?? 'nothing'}`, () => {
    const judgement = judgeDecodable(syntax, { ...COLOUR, photometricInterpretation: name });
    const image = 'image' in judgement ? judgement.image : undefined;
    assert.deepEqual([image?.photometricInterpretation, image?.toRgb ?? false], [result, toRgb]);
  });

const REFUSED: [words: string, image: ImageDescription, reason: RegExp][] = [
  ['no pixel data', { ...GREY, pixelData: undefined } as never, /no pixel data/],
  ['native pixel data', { ...GREY, pixelData: { tag: '7FE00010', length: 8 } }, /not encapsulated/],
  ['a signature', { ...GREY, signedDigitally: true }, /digitally signed/],
  [
    'a value nobody knows',
    { ...GREY, photometricInterpretation: 'DOE^JOHN' },
    /^Photometric Interpretation that is missing or not known with 1/,
  ],
  ['32 bits in JPEG 2000', { ...GREY, bitsAllocated: 32 }, /32 bits allocated/],
  ['more bits than a cell', { ...GREY, bitsStored: 17 }, /17 bits stored of 16/],
  ['an odd High Bit', { ...GREY, highBit: 15 }, /High Bit 15/],
  ['no number of frames', { ...GREY, numberOfFrames: Number.NaN }, /Number of Frames/],
  ['a huge frame', { ...GREY, rows: 65_000, columns: 65_000 }, /above the limit/],
  ['4 GiB in all', { ...GREY, rows: 4096, columns: 4096, numberOfFrames: 128 }, /4 GiB/],
];
for (const [words, image, reason] of REFUSED)
  test(`${words} is refused`, () => {
    const judgement = judgeDecodable(J2K, image);
    assert.match('reason' in judgement ? judgement.reason : '', reason);
  });
