// The table of what may be compressed without loss. What is not surely right goes on unchanged, with the reason.
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { type FrameFormat, frameBytes } from './frame-format.ts';
import type { ImageDescription } from './image-description.ts';

/** Uncompressed. Beyond it a frame would not fit the codecs' memory; 64 MiB is 5792 x 5792 pixels of 16 bits. */
export const MAX_FRAME_BYTES = 64 * 1024 * 1024;

/** A codestream's own header takes 100 to 130 bytes: below this nothing is gained, and millions of tiny frames would take hours. */
export const MIN_FRAME_BYTES = 512;

export interface CompressibleImage {
  readonly format: FrameFormat;
  readonly frames: number;
  readonly frameBytes: number;
}

export type Judgement = { readonly image: CompressibleImage } | { readonly reason: string };

/** Signed samples of up to 8 bits are not here: both codecs' bindings read them as unsigned. 8 bits stored in 16 are not: decoders give 8-bit cells back. */
const BITS: readonly { allocated: number; least: number; most: number; signed: boolean }[] = [
  { allocated: 8, least: 2, most: 8, signed: false },
  { allocated: 16, least: 9, most: 16, signed: false },
  { allocated: 16, least: 9, most: 16, signed: true },
];

interface Colour {
  readonly samplesPerPixel: 1 | 3;
  readonly planarConfigurations: readonly (0 | 1)[];
  readonly bitsAllocated: readonly number[];
}

/** Palette colour is not here (a lossless codestream of indices would be right, but decoders disagree on it); YBR and the retired ones are not. */
const COLOURS: Record<string, Colour> = {
  MONOCHROME1: { samplesPerPixel: 1, planarConfigurations: [], bitsAllocated: [8, 16] },
  MONOCHROME2: { samplesPerPixel: 1, planarConfigurations: [], bitsAllocated: [8, 16] },
  RGB: { samplesPerPixel: 3, planarConfigurations: [0, 1], bitsAllocated: [8] },
};

/** Why a data set in this transfer syntax cannot be compressed; undefined: it can. */
export function unsuitableSyntax(transferSyntaxUid: string): string | undefined {
  if (transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN || transferSyntaxUid === IMPLICIT_VR_LITTLE_ENDIAN) return undefined;
  const syntax = transferSyntaxOf(transferSyntaxUid);
  if (syntax === undefined) return `transfer syntax ${transferSyntaxUid} is unknown`;
  if (syntax.deflated) return 'the data set is deflated';
  if (!syntax.littleEndian) return 'the data set is big endian';
  if (syntax.kind === 'uncompressed') return `transfer syntax ${syntax.name} is not compressed again`;
  return `already compressed (${syntax.name})`;
}

export function judgeImage(description: ImageDescription): Judgement {
  const reason = unsuitablePixelData(description) ?? unsuitableColour(description) ?? unsuitableBits(description);
  if (reason !== undefined) return { reason };
  const { rows, columns, numberOfFrames: frames = 1, pixelData } = description;
  if (!rows || !columns) return { reason: 'Rows or Columns is missing or 0' };
  if (Number.isNaN(frames)) return { reason: 'Number of Frames is not a number above 0' };
  const format = formatOf(description, { rows, columns });
  const bytes = frameBytes(format);
  if (bytes > MAX_FRAME_BYTES) return { reason: `a frame of ${bytes} bytes is above the limit of ${MAX_FRAME_BYTES}` };
  if (bytes < MIN_FRAME_BYTES) return { reason: `a frame of ${bytes} bytes is too small to gain anything` };
  const expected = bytes * frames;
  if (pixelData!.length !== expected + (expected % 2)) {
    return { reason: `pixel data is ${pixelData!.length} bytes long where ${frames} frames of ${bytes} are said to be` };
  }
  return { image: { format, frames, frameBytes: bytes } };
}

function unsuitablePixelData({ pixelData, signedDigitally }: ImageDescription): string | undefined {
  if (pixelData === undefined) return 'no pixel data';
  if (pixelData.tag !== '7FE00010') return 'pixel data is floating point';
  if (pixelData.length === -1) return 'pixel data is encapsulated';
  if (signedDigitally) return 'the data set is digitally signed: compressing would break the signature';
  return undefined;
}

function unsuitableColour(description: ImageDescription): string | undefined {
  const { photometricInterpretation: photometric, samplesPerPixel, bitsAllocated, planarConfiguration } = description;
  const colour = photometric !== undefined && Object.hasOwn(COLOURS, photometric) ? COLOURS[photometric]! : undefined;
  if (colour === undefined) return 'Photometric Interpretation is none of MONOCHROME1, MONOCHROME2, RGB';
  if (samplesPerPixel !== colour.samplesPerPixel) return `${samplesPerPixel} samples per pixel with ${photometric}`;
  if (!colour.bitsAllocated.includes(bitsAllocated ?? 0)) return `${bitsAllocated} bits allocated with ${photometric}`;
  const planar = colour.samplesPerPixel === 1 || colour.planarConfigurations.includes(planarConfiguration as 0 | 1);
  return planar ? undefined : `Planar Configuration ${planarConfiguration ?? 'is missing'}`;
}

function unsuitableBits({
  bitsAllocated,
  bitsStored,
  highBit,
  pixelRepresentation,
  samplesPerPixel,
}: ImageDescription): string | undefined {
  if (bitsStored === undefined || pixelRepresentation === undefined) return 'Bits Stored or Pixel Representation is missing';
  if (pixelRepresentation > 1) return `Pixel Representation ${pixelRepresentation}`;
  if (highBit !== bitsStored - 1) return `High Bit ${highBit} with ${bitsStored} bits stored`;
  const signed = pixelRepresentation === 1;
  const row = BITS.find((bits) => bits.allocated === bitsAllocated && bits.signed === signed);
  const fits = row !== undefined && bitsStored >= row.least && bitsStored <= row.most;
  if (!fits || (samplesPerPixel === 3 && bitsStored !== 8)) {
    return `${bitsStored} bits stored of ${bitsAllocated}, ${signed ? 'signed' : 'unsigned'}, ${samplesPerPixel} a pixel`;
  }
  return undefined;
}

/** Only called for what the tables let through. */
function formatOf(description: ImageDescription, size: { rows: number; columns: number }): FrameFormat {
  return {
    ...size,
    samplesPerPixel: description.samplesPerPixel as 1 | 3,
    bitsAllocated: description.bitsAllocated as 8 | 16,
    bitsStored: description.bitsStored!,
    signed: description.pixelRepresentation === 1,
    planarConfiguration: (description.planarConfiguration ?? 0) as 0 | 1,
  };
}
