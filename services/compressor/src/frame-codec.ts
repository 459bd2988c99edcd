// Encodes one frame without loss and proves it: the codestream is decoded again and compared with the source, sample by sample.
import { createRequire } from 'node:module';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { CodecFailure } from './codec-failure.ts';
import { codecSamples } from './codec-samples.ts';
import { contradiction } from './codestream-header.ts';
import type { FrameFormat } from './frame-format.ts';

export interface EncodedFrame {
  /** The bare codestream, unpadded, in a buffer of its own. */
  readonly codestream: Uint8Array<ArrayBuffer>;
  readonly encodeMs: number;
  readonly proofMs: number;
}

/** One instance of the WASM module: encodes and decodes, and tells how far its memory has grown (it never shrinks). */
export interface FrameCodec {
  /** Throws FrameNotSuitable or CodecFailure. */
  encode(pixels: Uint8Array, format: FrameFormat): EncodedFrame;
  /** The samples, interleaved by pixel, one byte each up to 8 bits, else two, little endian. Throws CodecFailure. */
  decode(codestream: Uint8Array): Uint8Array<ArrayBuffer>;
  memoryBytes(): number;
}

interface CodecFrameInfo {
  width: number;
  height: number;
  bitsPerSample: number;
  componentCount: number;
  isSigned: boolean;
  isUsingColorTransform: boolean;
}

interface WasmEncoder {
  getDecodedBuffer(info: CodecFrameInfo): Uint8Array;
  getEncodedBuffer(): Uint8Array;
  setDecompositions(levels: number): void;
  setQuality(lossless: boolean, layersOrStep: number): void;
  setCompressionRatio?(layer: number, ratio: number): void;
  encode(): void;
  delete(): void;
}

interface WasmDecoder {
  getEncodedBuffer(bytes: number): Uint8Array;
  getDecodedBuffer(): Uint8Array | Uint8ClampedArray;
  getFrameInfo(): CodecFrameInfo;
  decode(): void;
  delete(): void;
}

interface WasmModule {
  HEAPU8: Uint8Array;
  HTJ2KEncoder: new () => WasmEncoder;
  HTJ2KDecoder: new () => WasmDecoder;
  J2KEncoder: new () => WasmEncoder;
  J2KDecoder: new () => WasmDecoder;
}

interface CodecTable {
  readonly module: string;
  readonly newEncoder: (module: WasmModule) => WasmEncoder;
  readonly newDecoder: (module: WasmModule) => WasmDecoder;
  readonly chooseLossless: (encoder: WasmEncoder) => void;
}

/** The `wasmjs` entries: the default asm.js build of openjpeg takes ten times as long. */
const CODECS: Record<LosslessSyntax, CodecTable> = {
  'htj2k-lossless': {
    module: '@cornerstonejs/codec-openjph/wasmjs',
    newEncoder: (module) => new module.HTJ2KEncoder(),
    newDecoder: (module) => new module.HTJ2KDecoder(),
    chooseLossless: (encoder) => encoder.setQuality(true, 0),
  },
  'jpeg2000-lossless': {
    module: '@cornerstonejs/codec-openjpeg/wasmjs',
    newEncoder: (module) => new module.J2KEncoder(),
    newDecoder: (module) => new module.J2KDecoder(),
    chooseLossless: (encoder) => {
      encoder.setQuality(true, 1);
      encoder.setCompressionRatio?.(0, 0);
    },
  },
};

/** Five wavelet levels are the codecs' default; a small frame has fewer (each halves both sides). */
const MAX_DECOMPOSITIONS = 5;

/** Loads the WASM module. The codecs print to stdout when something fails; that output is dropped, the failure itself is thrown. */
export async function loadFrameCodec(syntax: LosslessSyntax): Promise<FrameCodec> {
  const table = CODECS[syntax];
  const factory = createRequire(import.meta.url)(table.module) as (options: object) => Promise<WasmModule>;
  const module = await factory({ print: () => {}, printErr: () => {} });
  return {
    encode(pixels, format) {
      const samples = codecSamples(pixels, format);
      const startedAt = performance.now();
      const codestream = guarded('encoder', () => encodeSamples({ module, table }, samples, format));
      const encodedAt = performance.now();
      guarded('decoder', () => proveSamples({ module, table }, codestream, { samples, format }));
      const conflict = guarded('codestream header', () => contradiction(codestream, format, syntax));
      if (conflict !== undefined) throw new CodecFailure(conflict);
      return { codestream, encodeMs: encodedAt - startedAt, proofMs: performance.now() - encodedAt };
    },
    decode: (codestream) => guarded('decoder', () => decodeSamples({ module, table }, codestream)),
    memoryBytes: () => module.HEAPU8.length,
  };
}

interface LoadedCodec {
  readonly module: WasmModule;
  readonly table: CodecTable;
}

/** C++ exceptions arrive as numbers (an address), traps as RuntimeError. */
function guarded<T>(part: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (error instanceof CodecFailure) throw error;
    throw new CodecFailure(`${part} failed: ${error instanceof Error ? error.message : 'exception in the codec'}`, { cause: error });
  }
}

function encodeSamples(codec: LoadedCodec, samples: Uint8Array, format: FrameFormat): Uint8Array<ArrayBuffer> {
  const encoder = codec.table.newEncoder(codec.module);
  const target = encoder.getDecodedBuffer(frameInfoOf(format));
  if (target.length !== samples.length) throw new CodecFailure(`codec wants ${target.length} bytes for a frame of ${samples.length}`);
  target.set(samples);
  encoder.setDecompositions(Math.min(MAX_DECOMPOSITIONS, Math.floor(Math.log2(Math.min(format.rows, format.columns)))));
  codec.table.chooseLossless(encoder);
  encoder.encode();
  const codestream = new Uint8Array(encoder.getEncodedBuffer());
  encoder.delete();
  return codestream;
}

function frameInfoOf(format: FrameFormat): CodecFrameInfo {
  return {
    width: format.columns,
    height: format.rows,
    bitsPerSample: format.bitsStored,
    componentCount: format.samplesPerPixel,
    isSigned: format.signed,
    isUsingColorTransform: format.samplesPerPixel === 3,
  };
}

function decodeSamples(codec: LoadedCodec, codestream: Uint8Array): Uint8Array<ArrayBuffer> {
  const decoder = codec.table.newDecoder(codec.module);
  decoder.getEncodedBuffer(codestream.length).set(codestream);
  decoder.decode();
  const decoded = decoder.getDecodedBuffer();
  const samples = new Uint8Array(decoded.byteLength);
  samples.set(new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength));
  decoder.delete();
  if (decoded.buffer !== codec.module.HEAPU8.buffer) freeNow(decoded);
  return samples;
}

interface ProofSource {
  readonly samples: Uint8Array;
  readonly format: FrameFormat;
}

function proveSamples(codec: LoadedCodec, codestream: Uint8Array, { samples, format }: ProofSource): void {
  const decoder = codec.table.newDecoder(codec.module);
  decoder.getEncodedBuffer(codestream.length).set(codestream);
  decoder.decode();
  const { width, height, componentCount, bitsPerSample, isSigned } = decoder.getFrameInfo();
  const decoded = decoder.getDecodedBuffer();
  const same = Buffer.compare(new Uint8Array(decoded.buffer, decoded.byteOffset, decoded.byteLength), samples) === 0;
  decoder.delete();
  if (decoded.buffer !== codec.module.HEAPU8.buffer) freeNow(decoded);
  if (width !== format.columns || height !== format.rows || componentCount !== format.samplesPerPixel) {
    throw new CodecFailure(`decoded frame is ${width} x ${height} x ${componentCount}`);
  }
  if (bitsPerSample !== format.bitsStored || isSigned !== format.signed) throw new CodecFailure('decoded samples are of another kind');
  if (!same) throw new CodecFailure('decoded pixels differ from the source');
}

/** Detaches a buffer of its own: garbage collection comes late for memory outside of the heap, and frames are large. */
export function freeNow({ buffer }: Uint8Array | Uint8ClampedArray): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0);
}
