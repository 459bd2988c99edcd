// The thread in which the codecs run. A hang or a crash in here costs one frame's attempt, never the service.
import { parentPort } from 'node:worker_threads';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { FrameNotSuitable } from './codec-samples.ts';
import { type EncodedFrame, type FrameCodec, freeNow, loadFrameCodec } from './frame-codec.ts';
import type { FrameFormat } from './frame-format.ts';

/** `pixels` is transferred, not copied: it owns its buffer and begins at its start. */
export interface FrameTask {
  readonly syntax: LosslessSyntax;
  readonly format: FrameFormat;
  readonly pixels: Uint8Array<ArrayBuffer>;
}

export type FrameAnswer =
  | { readonly kind: 'encoded'; readonly frame: EncodedFrame; readonly memoryBytes: number }
  | { readonly kind: 'not-suitable'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string };

const codecs = new Map<LosslessSyntax, FrameCodec>();

async function codecFor(syntax: LosslessSyntax): Promise<FrameCodec> {
  const loaded = codecs.get(syntax) ?? (await loadFrameCodec(syntax));
  codecs.set(syntax, loaded);
  return loaded;
}

async function answer(task: FrameTask): Promise<FrameAnswer> {
  try {
    const codec = await codecFor(task.syntax);
    const frame = codec.encode(task.pixels, task.format);
    const memoryBytes = [...codecs.values()].reduce((sum, loaded) => sum + loaded.memoryBytes(), 0);
    return { kind: 'encoded', frame, memoryBytes };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: error instanceof FrameNotSuitable ? 'not-suitable' : 'failed', reason };
  }
}

parentPort?.on('message', async (task: FrameTask) => {
  const result = await answer(task);
  freeNow(task.pixels);
  parentPort?.postMessage(result, result.kind === 'encoded' ? [result.frame.codestream.buffer] : []);
});
