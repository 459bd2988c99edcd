// The table of what is decoded to uncompressed pixels, and what becomes of the colours. What is not surely right is left as it is, with the reason.
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { MAX_FRAME_BYTES } from './compressible.ts';
import type { ImageDescription } from './image-description.ts';
import { type NativeFamily, type NativeFrame, PHOTOMETRIC_INTERPRETATIONS } from './native-decoder.ts';

interface Decoding {
  readonly family: NativeFamily;
  /** What the syntax says; `codestream`: each codestream says it itself. */
  readonly lossy: boolean | 'codestream';
  /** Defined term of Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1). */
  readonly method: string;
}

const jpegLossless = { family: 'jpeg', lossy: false, method: '' } as const;

/** JPEG of the retired processes, JPEG 2000 part 2, JPEG XL and video have no decoder here. */
const DECODINGS: Readonly<Record<string, Decoding>> = {
  '1.2.840.10008.1.2.4.50': { family: 'jpeg', lossy: true, method: 'ISO_10918_1' },
  '1.2.840.10008.1.2.4.51': { family: 'jpeg', lossy: true, method: 'ISO_10918_1' },
  '1.2.840.10008.1.2.4.57': jpegLossless,
  '1.2.840.10008.1.2.4.70': jpegLossless,
  '1.2.840.10008.1.2.4.80': { family: 'jpeg-ls', lossy: false, method: '' },
  '1.2.840.10008.1.2.4.81': { family: 'jpeg-ls', lossy: 'codestream', method: 'ISO_14495_1' },
  '1.2.840.10008.1.2.4.90': { family: 'jpeg2000', lossy: false, method: '' },
  '1.2.840.10008.1.2.4.91': { family: 'jpeg2000', lossy: 'codestream', method: 'ISO_15444_1' },
  '1.2.840.10008.1.2.4.201': { family: 'htj2k', lossy: false, method: '' },
  '1.2.840.10008.1.2.4.202': { family: 'htj2k', lossy: false, method: '' },
  '1.2.840.10008.1.2.4.203': { family: 'htj2k', lossy: 'codestream', method: 'ISO_15444_15' },
  '1.2.840.10008.1.2.5': { family: 'rle', lossy: false, method: '' },
};

export interface DecodableImage {
  readonly decoding: Decoding;
  readonly frame: NativeFrame;
  /** JPEG of YCbCr is converted to RGB, as every viewer would have to. */
  readonly toRgb: boolean;
  /** (0028,0004) of the result. */
  readonly photometricInterpretation: string;
  readonly frames: number;
  readonly frameBytes: number;
}

/** Why a transfer syntax has no decoder here; undefined: it has one. */
export function undecodableSyntax(transferSyntaxUid: string): string | undefined {
  if (Object.hasOwn(DECODINGS, transferSyntaxUid)) return undefined;
  const syntax = transferSyntaxOf(transferSyntaxUid);
  return `there is no decoder for ${syntax === undefined ? 'transfer syntax' : `${syntax.name},`} ${transferSyntaxUid}`;
}

export function judgeDecodable(transferSyntaxUid: string, image: ImageDescription): { image: DecodableImage } | { reason: string } {
  const decoding = DECODINGS[transferSyntaxUid];
  const undecodable = undecodableSyntax(transferSyntaxUid) ?? unsuitablePixelData(image);
  if (decoding === undefined || undecodable !== undefined) return { reason: undecodable! };
  const colour = colourOf(image, decoding);
  if ('reason' in colour) return colour;
  const frame = frameOf(image, decoding);
  if ('reason' in frame) return frame;
  const { numberOfFrames: frames = 1 } = image;
  if (Number.isNaN(frames)) return { reason: 'Number of Frames is not a number above 0' };
  const frameBytes = frame.rows * frame.columns * frame.samplesPerPixel * (frame.bitsAllocated / 8);
  if (frameBytes > MAX_FRAME_BYTES) return { reason: `a frame of ${frameBytes} bytes is above the limit of ${MAX_FRAME_BYTES}` };
  if (frameBytes * frames >= 0xffff_fffe)
    return { reason: 'uncompressed pixel data would be longer than 4 GiB, which has no length in PS3.5' };
  return { image: { decoding, frame, ...colour, frames, frameBytes } };
}

function unsuitablePixelData({ pixelData, signedDigitally }: ImageDescription): string | undefined {
  if (pixelData === undefined) return 'no pixel data';
  if (pixelData.tag !== '7FE00010') return 'pixel data is floating point';
  if (pixelData.length !== -1) return 'pixel data is not encapsulated';
  if (signedDigitally) return 'the data set is digitally signed: uncompressing would break the signature';
  return undefined;
}

type Colour = Pick<DecodableImage, 'toRgb' | 'photometricInterpretation'>;

function colourOf(
  { photometricInterpretation: name, samplesPerPixel }: ImageDescription,
  { family, lossy }: Decoding,
): Colour | { reason: string } {
  const same = { toRgb: false, photometricInterpretation: name ?? '' };
  const rgb = { toRgb: false, photometricInterpretation: 'RGB' };
  // Only defined terms are repeated: what else stands there may be anything, also about a patient.
  const word = PHOTOMETRIC_INTERPRETATIONS.find((term) => term === name) ?? 'that is missing or not known';
  const reason = `Photometric Interpretation ${word} with ${samplesPerPixel} samples a pixel in this transfer syntax`;
  if (samplesPerPixel === 1) return ['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR'].includes(name ?? '') ? same : { reason };
  if (samplesPerPixel !== 3) return { reason };
  if (name === 'RGB') return same;
  if (family === 'jpeg' && lossy !== false && (name === 'YBR_FULL' || name === 'YBR_FULL_422')) return { ...rgb, toRgb: true };
  if (name === 'YBR_FULL') return same;
  const isTransformed = name === 'YBR_RCT' || name === 'YBR_ICT';
  return isTransformed && (family === 'jpeg2000' || family === 'htj2k') ? rgb : { reason };
}

function frameOf(image: ImageDescription, { family }: Decoding): NativeFrame | { reason: string } {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, highBit, pixelRepresentation } = image;
  if (!rows || !columns) return { reason: 'Rows or Columns is missing or 0' };
  const allowed = family === 'rle' ? [8, 16, 32] : [8, 16];
  if (bitsAllocated === undefined || !allowed.includes(bitsAllocated)) return { reason: `${bitsAllocated} bits allocated` };
  if (bitsStored === undefined || bitsStored < 1 || bitsStored > bitsAllocated)
    return { reason: `${bitsStored} bits stored of ${bitsAllocated}` };
  if (highBit !== bitsStored - 1) return { reason: `High Bit ${highBit} with ${bitsStored} bits stored` };
  if (pixelRepresentation !== 0 && pixelRepresentation !== 1) return { reason: 'Pixel Representation is neither 0 nor 1' };
  return {
    ...{
      rows,
      columns,
      samplesPerPixel: samplesPerPixel!,
      bitsAllocated,
      bitsStored,
      signed: pixelRepresentation === 1,
      planarConfiguration: 0,
    },
    photometricInterpretation: image.photometricInterpretation!,
  };
}
