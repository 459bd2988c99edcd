// The decoders of dcmjs-codecs (libijg, CharLS, OpenJPEG, OpenJPH, RLE in one WASM module), called frame by frame. Its JavaScript, which
// takes whole data sets apart and loses private elements, is not used.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { CodecFailure } from './codec-failure.ts';

/** What the caller knows of the frame from its data set; the decoder may find otherwise. */
export interface NativeFrame {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: number;
  readonly bitsAllocated: number;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly planarConfiguration: number;
  readonly photometricInterpretation: string;
}

/** `samples`: as the decoder wrote them, in memory of their own; `found`: what it says they are. */
export interface NativeDecoded {
  readonly samples: Uint8Array<ArrayBuffer>;
  readonly found: NativeFrame;
}

export type NativeFamily = 'jpeg' | 'jpeg-ls' | 'jpeg2000' | 'htj2k' | 'rle';

export interface NativeDecoder {
  /** `toRgb`: JPEG of YCbCr is converted (JFIF, ITU-T T.871). Throws CodecFailure; then the instance must not be used again. */
  decode(family: NativeFamily, codestream: Uint8Array, order: { readonly frame: NativeFrame; readonly toRgb: boolean }): NativeDecoded;
  memoryBytes(): number;
}

/** Defined terms of (0028,0004), in the order of the decoder's enumeration. */
export const PHOTOMETRIC_INTERPRETATIONS: readonly string[] = [
  ...['MONOCHROME1', 'MONOCHROME2', 'PALETTE COLOR', 'RGB', 'YBR_FULL', 'YBR_FULL_422', 'YBR_PARTIAL_422', 'YBR_PARTIAL_420'],
  ...['YBR_ICT', 'YBR_RCT', 'CMYK', 'ARGB', 'HSV', 'XYB'],
];

const ENTRY: Readonly<Record<NativeFamily, string>> = {
  jpeg: 'DecodeJpeg',
  'jpeg-ls': 'DecodeJpegLs',
  jpeg2000: 'DecodeJpeg2000',
  htj2k: 'DecodeHtJpeg2000',
  rle: 'DecodeRle',
};

/** What is used of it; the compiler is not told of the browser's interfaces. */
declare const WebAssembly: { instantiate(module: Uint8Array, imports: object): Promise<{ instance: { exports: object } }> };
interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

type Exports = Readonly<Record<string, (...values: number[]) => number>> & { readonly memory: WasmMemory };

/** Loads the WASM module; each call makes an instance with memory of its own. */
export async function loadNativeDecoder(): Promise<NativeDecoder> {
  const bytes = await readFile(createRequire(import.meta.url).resolve('dcmjs-codecs/build/dcmjs-native-codecs.wasm'));
  let exports: Exports | undefined;
  const { instance } = await WebAssembly.instantiate(
    bytes,
    imports(() => exports!.memory),
  );
  exports = instance.exports as unknown as Exports;
  exports._initialize!();
  return new WasmDecoder(exports);
}

class WasmDecoder implements NativeDecoder {
  readonly #wasm: Exports;

  constructor(wasm: Exports) {
    this.#wasm = wasm;
  }

  decode(family: NativeFamily, codestream: Uint8Array, order: { readonly frame: NativeFrame; readonly toRgb: boolean }): NativeDecoded {
    try {
      const context = this.#contextOf(order.frame, codestream);
      const parameters = this.#call('CreateDecoderParameters');
      this.#call('SetConvertColorspaceToRgb', parameters, order.toRgb ? 1 : 0);
      this.#call(ENTRY[family], context, parameters);
      this.#call('ReleaseDecoderParameters', parameters);
      const decoded = { samples: this.#samplesOf(context), found: this.#foundIn(context) };
      this.#call('ReleaseCodecsContext', context);
      return decoded;
    } catch (error) {
      throw new CodecFailure(`decoder failed: ${error instanceof Error ? error.message : 'exception in the codec'}`, { cause: error });
    }
  }

  memoryBytes(): number {
    return this.#wasm.memory.buffer.byteLength;
  }

  #call(name: string, ...values: number[]): number {
    return this.#wasm[name]!(...values);
  }

  #contextOf(frame: NativeFrame, codestream: Uint8Array): number {
    const context = this.#call('CreateCodecsContext');
    this.#call('SetColumns', context, frame.columns);
    this.#call('SetRows', context, frame.rows);
    this.#call('SetBitsAllocated', context, frame.bitsAllocated);
    this.#call('SetBitsStored', context, frame.bitsStored);
    this.#call('SetSamplesPerPixel', context, frame.samplesPerPixel);
    this.#call('SetPixelRepresentation', context, frame.signed ? 1 : 0);
    this.#call('SetPlanarConfiguration', context, frame.planarConfiguration);
    this.#call('SetPhotometricInterpretation', context, PHOTOMETRIC_INTERPRETATIONS.indexOf(frame.photometricInterpretation));
    this.#call('SetEncodedBufferSize', context, codestream.length);
    new Uint8Array(this.#wasm.memory.buffer).set(codestream, this.#call('GetEncodedBuffer', context));
    return context;
  }

  #samplesOf(context: number): Uint8Array<ArrayBuffer> {
    const at = this.#call('GetDecodedBuffer', context);
    return new Uint8Array(this.#wasm.memory.buffer.slice(at, at + this.#call('GetDecodedBufferSize', context)));
  }

  #foundIn(context: number): NativeFrame {
    const get = (name: string): number => this.#call(`Get${name}`, context);
    return {
      columns: get('Columns'),
      rows: get('Rows'),
      bitsAllocated: get('BitsAllocated'),
      bitsStored: get('BitsStored'),
      samplesPerPixel: get('SamplesPerPixel'),
      signed: get('PixelRepresentation') === 1,
      planarConfiguration: get('PlanarConfiguration'),
      photometricInterpretation: PHOTOMETRIC_INTERPRETATIONS[get('PhotometricInterpretation')] ?? '',
    };
  }
}

/** It has no environment, no files and no clock; what it prints is dropped. */
function imports(memory: () => WasmMemory): object {
  const view = (): DataView => new DataView(memory().buffer);
  const text = (at: number, length: number): string => Buffer.from(memory().buffer, at, length).toString('latin1');
  return {
    env: {
      emscripten_notify_memory_growth: () => {},
      onCodecsInfo: () => {},
      onCodecsTrace: () => {},
      onCodecsException: (at: number, length: number) => {
        throw new Error(text(at, length));
      },
    },
    wasi_snapshot_preview1: {
      environ_get: () => 0,
      environ_sizes_get: (count: number, size: number) => {
        view().setUint32(count, 0, true);
        view().setUint32(size, 0, true);
        return 0;
      },
      proc_exit: (code: number) => {
        throw new Error(`the codec module ended with ${code}`);
      },
      clock_time_get: (_id: number, _precision: bigint, at: number) => {
        view().setBigUint64(at, 0n, true);
        return 0;
      },
      fd_write: (...[, parts, count, written]: [fd: number, parts: number, count: number, written: number]) => {
        let bytes = 0;
        for (let part = 0; part < count; part++) bytes += view().getUint32(parts + part * 8 + 4, true);
        view().setUint32(written, bytes, true);
        return 0;
      },
      fd_seek: () => 0,
      fd_close: () => 0,
    },
  };
}
