// Every row of the table of what may be compressed, and every reason why not.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TRANSFER_SYNTAXES } from '@causeway/shared/dicom/transfer-syntaxes';
import { judgeImage, MAX_FRAME_BYTES, unsuitableSyntax } from './compressible.ts';
import type { ImageDescription } from './image-description.ts';

const ct = (over: Partial<ImageDescription> = {}): ImageDescription => ({
  samplesPerPixel: 1,
  photometricInterpretation: 'MONOCHROME2',
  rows: 512,
  columns: 512,
  bitsAllocated: 16,
  bitsStored: 12,
  highBit: 11,
  pixelRepresentation: 1,
  pixelData: { tag: '7FE00010', length: 512 * 512 * 2 },
  signedDigitally: false,
  ...over,
});
const stored = (bitsAllocated: number, bitsStored: number, pixelRepresentation: number): ImageDescription =>
  ct({
    bitsAllocated,
    bitsStored,
    highBit: bitsStored - 1,
    pixelRepresentation,
    pixelData: { tag: '7FE00010', length: 512 * 512 * (bitsAllocated / 8) },
  });
const colour = (over: Partial<ImageDescription> = {}): ImageDescription =>
  ct({
    samplesPerPixel: 3,
    photometricInterpretation: 'RGB',
    planarConfiguration: 0,
    bitsAllocated: 8,
    bitsStored: 8,
    highBit: 7,
    pixelRepresentation: 0,
    pixelData: { tag: '7FE00010', length: 512 * 512 * 3 },
    ...over,
  });
const reasonOf = (description: ImageDescription): string | undefined => {
  const judgement = judgeImage(description);
  return 'reason' in judgement ? judgement.reason : undefined;
};

describe('what may be compressed', () => {
  it('is every depth of the table and no other', () => {
    for (const bitsAllocated of [1, 8, 16, 32, 64]) {
      for (let bitsStored = 1; bitsStored <= bitsAllocated; bitsStored++) {
        for (const pixelRepresentation of [0, 1]) {
          const inTable =
            (bitsAllocated === 8 && bitsStored >= 2 && pixelRepresentation === 0) || (bitsAllocated === 16 && bitsStored >= 9);
          const reason = reasonOf(stored(bitsAllocated, bitsStored, pixelRepresentation));
          assert.equal(reason === undefined, inTable, `${bitsStored} of ${bitsAllocated}, ${pixelRepresentation}: ${reason}`);
        }
      }
    }
  });

  it('is grey and RGB with its format read from the description', () => {
    assert.deepEqual(judgeImage(ct({ photometricInterpretation: 'MONOCHROME1' })), {
      image: {
        format: { rows: 512, columns: 512, samplesPerPixel: 1, bitsAllocated: 16, bitsStored: 12, signed: true, planarConfiguration: 0 },
        frames: 1,
        frameBytes: 524288,
      },
    });
    for (const planarConfiguration of [0, 1]) {
      const judgement = judgeImage(colour({ planarConfiguration }));
      assert.ok('image' in judgement && judgement.image.format.planarConfiguration === planarConfiguration);
    }
  });

  it('counts frames, and the padding byte of an odd number of bytes', () => {
    const frame = { rows: 31, columns: 17, bitsAllocated: 8, bitsStored: 8, highBit: 7, pixelRepresentation: 0 };
    const odd = (numberOfFrames: number | undefined, length: number) =>
      reasonOf(ct({ ...frame, numberOfFrames, pixelData: { tag: '7FE00010', length } }));
    assert.equal(odd(undefined, 528), undefined);
    assert.equal(odd(3, 1582), undefined);
    assert.match(odd(3, 1581) ?? '', /1581 bytes long where 3 frames of 527/);
    assert.match(odd(2, 1582) ?? '', /1582 bytes long/);
  });
});

describe('what may not', () => {
  const rows: [string, ImageDescription, RegExp][] = [
    ['no pixel data', ct({ pixelData: undefined }), /no pixel data/],
    ['float pixel data', ct({ pixelData: { tag: '7FE00008', length: 8 } }), /floating point/],
    ['double float pixel data', ct({ pixelData: { tag: '7FE00009', length: 8 } }), /floating point/],
    ['encapsulated pixel data', ct({ pixelData: { tag: '7FE00010', length: -1 } }), /encapsulated/],
    ['signed data sets', ct({ signedDigitally: true }), /signature/],
    ['palette colour', ct({ photometricInterpretation: 'PALETTE COLOR' }), /Photometric/],
    ['YBR', colour({ photometricInterpretation: 'YBR_FULL' }), /Photometric/],
    ['a name of Object', ct({ photometricInterpretation: 'constructor' }), /Photometric/],
    ['no Photometric Interpretation', ct({ photometricInterpretation: undefined }), /Photometric/],
    ['grey of 3 samples', ct({ samplesPerPixel: 3 }), /3 samples per pixel with MONOCHROME2/],
    ['RGB of 16 bits', colour({ bitsAllocated: 16, bitsStored: 16, highBit: 15 }), /16 bits allocated with RGB/],
    ['RGB of 7 bits', colour({ bitsStored: 7, highBit: 6 }), /7 bits stored of 8, unsigned, 3 a pixel/],
    ['signed RGB', colour({ pixelRepresentation: 1 }), /8 bits stored of 8, signed/],
    ['Planar Configuration 2', colour({ planarConfiguration: 2 }), /Planar Configuration 2/],
    ['Planar Configuration missing', colour({ planarConfiguration: undefined }), /Planar Configuration is missing/],
    ['High Bit at the top', ct({ highBit: 15 }), /High Bit 15 with 12 bits stored/],
    ['High Bit missing', ct({ highBit: undefined }), /High Bit/],
    ['Pixel Representation 2', ct({ pixelRepresentation: 2 }), /Pixel Representation 2/],
    ['Pixel Representation missing', ct({ pixelRepresentation: undefined }), /missing/],
    ['Rows missing', ct({ rows: undefined }), /Rows or Columns/],
    ['Columns 0', ct({ columns: 0 }), /Rows or Columns/],
    ['Number of Frames unreadable', ct({ numberOfFrames: Number.NaN }), /Number of Frames/],
    ['a tiny frame', ct({ rows: 1, columns: 255 }), /510 bytes is too small/],
    ['a frame above the limit', ct({ rows: 65535, columns: 65535 }), new RegExp(`above the limit of ${MAX_FRAME_BYTES}`)],
  ];
  for (const [name, description, reason] of rows) {
    it(`${name}: says why`, () => assert.match(reasonOf(description) ?? 'compressed', reason));
  }

  it('any transfer syntax but the two plain little endian ones', () => {
    const plain = [...TRANSFER_SYNTAXES.keys()].filter((uid) => unsuitableSyntax(uid) === undefined);
    assert.deepEqual(plain.sort(), ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1']);
    assert.match(unsuitableSyntax('1.2.840.10008.1.2.2') ?? '', /big endian/);
    assert.match(unsuitableSyntax('1.2.840.10008.1.2.1.99') ?? '', /deflated/);
    assert.match(unsuitableSyntax('1.2.840.10008.1.2.4.70') ?? '', /already compressed/);
    assert.match(unsuitableSyntax('1.2.3') ?? '', /unknown/);
  });
});
