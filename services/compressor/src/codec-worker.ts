// The thread in which the codecs run. A hang or a crash in here costs one frame's attempt, never the service.
import { parentPort } from 'node:worker_threads';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { FrameNotSuitable } from './codec-samples.ts';
import { type DecodedFrame, decodeFrame, type FrameToDecode } from './decode-frame.ts';
import { type EncodedFrame, type FrameCodec, freeNow, loadFrameCodec } from './frame-codec.ts';
import type { FrameFormat } from './frame-format.ts';
import { loadNativeDecoder, type NativeDecoder } from './native-decoder.ts';

/** `pixels` is transferred, not copied: it owns its buffer and begins at its start. */
export interface FrameTask {
  readonly syntax: LosslessSyntax;
  readonly format: FrameFormat;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

/** `codestream` is transferred. */
export interface DecodeTask {
  readonly codestream: Uint8Array<ArrayBuffer>;
  readonly image: FrameToDecode;
}

export type FrameAnswer =
  | { readonly kind: 'encoded'; readonly frame: EncodedFrame; readonly memoryBytes: number }
  | { readonly kind: 'decoded'; readonly frame: DecodedFrame; readonly memoryBytes: number }
  | { readonly kind: 'not-suitable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const codecs = new Map<LosslessSyntax, FrameCodec>();
let native: NativeDecoder | undefined;

async function codecFor(syntax: LosslessSyntax): Promise<FrameCodec> {
  const loaded = codecs.get(syntax) ?? (await loadFrameCodec(syntax));
  codecs.set(syntax, loaded);
  return loaded;
}

async function answer(task: FrameTask | DecodeTask): Promise<FrameAnswer> {
  try {
    return 'codestream' in task ? await decode(task) : await encode(task);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof FrameNotSuitable ? 'not-suitable' : 'failed', reason };
  }
}

async function encode({ syntax, pixels, format }: FrameTask): Promise<FrameAnswer> {
  const codec = await codecFor(syntax);
  return { kind: 'encoded', frame: codec.encode(pixels, format), memoryBytes: memoryBytes() };
}

async function decode({ codestream, image }: DecodeTask): Promise<FrameAnswer> {
  native ??= await loadNativeDecoder();
  const frame = await decodeFrame({ native, second: codecFor }, codestream, image);
  return { kind: 'decoded', frame, memoryBytes: memoryBytes() };
}

const memoryBytes = (): number => [...codecs.values()].reduce((sum, codec) => sum + codec.memoryBytes(), native?.memoryBytes() ?? 0);

parentPort?.on('message', async (task: FrameTask | DecodeTask) => {
  const result = await answer(task);
  freeNow('codestream' in task ? task.codestream : task.pixels);
  parentPort?.postMessage(result, transferred(result));
});

function transferred(result: FrameAnswer): ArrayBuffer[] {
  if (result.kind === 'encoded') return [result.frame.codestream.buffer];
  return result.kind === 'decoded' ? [result.frame.pixels.buffer] : [];
}
