// Decodes one frame to the pixel cells that an uncompressed data set holds, and refuses what the codestream and the data set do not agree about.
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { CodecFailure } from './codec-failure.ts';
import { FrameNotSuitable } from './codec-samples.ts';
import { readCodestreamHeader } from './codestream-header.ts';
import type { DecodableImage } from './decodable.ts';
import type { FrameCodec } from './frame-codec.ts';
import { readJpegHeader } from './jpeg-header.ts';
import type { NativeDecoder } from './native-decoder.ts';
import { decodeRle } from './rle-frame.ts';

export interface DecodedFrame {
  /** Interleaved by pixel, little endian, in a buffer of its own. */
  readonly pixels: Uint8Array<ArrayBuffer>;
  /** Nothing was lost when the frame was encoded. */
  readonly lossless: boolean;
  readonly decodeMs: number;
}

/** The decoders of one thread. `second`: the ones that also prove what is encoded. */
export interface Decoders {
  readonly native: NativeDecoder;
  readonly second: (syntax: LosslessSyntax) => Promise<FrameCodec>;
}

export type FrameToDecode = Pick<DecodableImage, 'decoding' | 'frame' | 'toRgb' | 'frameBytes'>;

/** What the codestream says of its samples. */
interface Described {
  readonly precision: number;
  /** undefined: it does not say. */
  readonly signed?: boolean;
  readonly lossless: boolean;
}

/**
 * Lossless JPEG 2000, HTJ2K and RLE are decoded by two decoders that must agree. Throws FrameNotSuitable (nothing is wrong with the decoder) or CodecFailure
 * (the thread must not be used again).
 */
export async function decodeFrame(decoders: Decoders, codestream: Uint8Array, image: FrameToDecode): Promise<DecodedFrame> {
  const startedAt = performance.now();
  const described = describe(codestream, image);
  const { samples, found } = decoders.native.decode(image.decoding.family, codestream, image);
  const { frame, frameBytes } = image;
  if (found.rows !== frame.rows || found.columns !== frame.columns || found.samplesPerPixel !== frame.samplesPerPixel)
    throw new FrameNotSuitable(`the codestream is ${found.columns} x ${found.rows} x ${found.samplesPerPixel}`);
  if (found.planarConfiguration !== 0 || samples.length !== frameBytes)
    throw new FrameNotSuitable(`the decoder gives ${samples.length} bytes where a frame has ${frameBytes}`);
  if (described.lossless) await compareWithSecond(decoders, { codestream, samples, described }, image);
  signExtend(samples, image, described);
  return { pixels: samples, lossless: described.lossless, decodeMs: performance.now() - startedAt };
}

function describe(codestream: Uint8Array, { decoding, frame, toRgb }: FrameToDecode): Described {
  const { family } = decoding;
  if (family === 'rle') return { precision: frame.bitsAllocated, lossless: true };
  const read = family === 'jpeg' || family === 'jpeg-ls' ? describeJpeg : describeJpeg2000;
  const described = suitable(() => read(codestream, { frame, toRgb }));
  if (decoding.lossy === false && !described.lossless) throw new FrameNotSuitable('the codestream is lossy, its transfer syntax lossless');
  const { precision, signed } = described;
  if (signed !== undefined && signed !== frame.signed)
    throw new FrameNotSuitable(`codestream samples are ${signed ? 'signed' : 'unsigned'}, Pixel Representation is ${frame.signed ? 1 : 0}`);
  // As many bits as a cell has: the cells as they stood. Else the bits must be those that are stored.
  const fits = precision === frame.bitsAllocated || precision === frame.bitsStored || (precision < frame.bitsStored && !frame.signed);
  if (!fits)
    throw new FrameNotSuitable(`codestream samples have ${precision} bits, ${frame.bitsStored} of ${frame.bitsAllocated} are stored`);
  return described;
}

/** What the readers throw is about the bytes, not about a codec. */
function suitable<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FrameNotSuitable) throw error;
    throw new FrameNotSuitable(error instanceof RangeError ? 'codestream header is cut short' : (error as Error).message);
  }
}

type Expected = Pick<FrameToDecode, 'frame' | 'toRgb'>;

const LOSSLESS_PROCESS = 0xc3;
const JPEG_LS = 0xf7;

function describeJpeg(codestream: Uint8Array, { frame, toRgb }: Expected): Described {
  const { process, precision, components, subsampled, saysYcbcr, near } = readJpegHeader(codestream);
  if (components !== frame.samplesPerPixel) throw new FrameNotSuitable(`the codestream has ${components} components`);
  if (!toRgb && subsampled) throw new FrameNotSuitable(`the codestream reduces colour, which ${frame.photometricInterpretation} does not`);
  if (frame.photometricInterpretation === 'RGB' && saysYcbcr && process !== LOSSLESS_PROCESS && process !== JPEG_LS)
    throw new FrameNotSuitable('the codestream says it is YCbCr, Photometric Interpretation RGB');
  return { precision, lossless: process === LOSSLESS_PROCESS || (process === JPEG_LS && near === 0) };
}

function describeJpeg2000(codestream: Uint8Array, { frame }: Expected): Described {
  const { components, colourTransform, reversible } = readCodestreamHeader(codestream);
  if (components.length !== frame.samplesPerPixel) throw new FrameNotSuitable(`the codestream has ${components.length} components`);
  const [first] = components;
  if (components.some(({ precision, signed }) => precision !== first!.precision || signed !== first!.signed))
    throw new FrameNotSuitable('the components of the codestream differ');
  const name = frame.photometricInterpretation;
  if (colourTransform ? name === 'YBR_FULL' : name === 'YBR_RCT' || name === 'YBR_ICT')
    throw new FrameNotSuitable(
      `the codestream has ${colourTransform ? 'a' : 'no'} colour transform, Photometric Interpretation is ${name}`,
    );
  return { precision: first!.precision, signed: first!.signed, lossless: reversible };
}

interface Opinion {
  readonly codestream: Uint8Array;
  readonly samples: Uint8Array;
  readonly described: Described;
}

/** JPEG lossless and JPEG-LS have one decoder here. */
async function compareWithSecond({ second }: Decoders, { codestream, samples, described }: Opinion, image: FrameToDecode): Promise<void> {
  const { decoding, frame } = image;
  if (decoding.family === 'rle') {
    const format = { pixels: frame.rows * frame.columns, samples: frame.samplesPerPixel, sampleBytes: frame.bitsAllocated / 8 };
    return refuseOther(
      suitable(() => decodeRle(codestream, format)),
      samples,
    );
  }
  if (decoding.family !== 'jpeg2000' && decoding.family !== 'htj2k') return;
  // The second decoder takes such samples for unsigned ones.
  if (described.signed && described.precision <= 8) throw new FrameNotSuitable('signed samples of up to 8 bits');
  const codec = await second(decoding.family === 'htj2k' ? 'htj2k-lossless' : 'jpeg2000-lossless');
  const other = codec.decode(codestream);
  refuseOther(described.precision <= 8 && frame.bitsAllocated === 16 ? new Uint8Array(Uint16Array.from(other).buffer) : other, samples);
}

function refuseOther(second: Uint8Array, samples: Uint8Array): void {
  if (Buffer.compare(second, samples) !== 0) throw new CodecFailure('two decoders disagree about the pixels');
}

/** JPEG codestreams do not know signs: stored bits are extended to the cell, so that readers of whole cells and of stored bits see the same. */
function signExtend(samples: Uint8Array<ArrayBuffer>, { frame }: FrameToDecode, { precision, signed }: Described): void {
  if (!frame.signed || signed !== undefined || precision === frame.bitsAllocated) return;
  const cells = frame.bitsAllocated === 8 ? new Int8Array(samples.buffer) : new Int16Array(samples.buffer);
  const shift = 32 - frame.bitsStored;
  for (let index = 0; index < cells.length; index++) cells[index] = (cells[index]! << shift) >> shift;
}
