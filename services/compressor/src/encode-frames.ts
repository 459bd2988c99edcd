// Reads the frames of an object in order, has them encoded a few at a time, and gives the codestreams back in order.
import type { Hash } from 'node:crypto';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import type { CodecPool } from './codec-pool.ts';
import type { CompressibleImage } from './compressible.ts';
import type { EncodedFrame } from './frame-codec.ts';
import type { PrioritySemaphore } from './priority-semaphore.ts';
import type { SourceReader } from './source-reader.ts';

export interface FrameParts {
  readonly pool: Pick<CodecPool, 'encode'>;
  /** Bytes of source frames that the whole process holds. */
  readonly frameMemory: PrioritySemaphore;
  /** Frames of one object under way. */
  readonly lookahead: number;
}

export interface FrameSource {
  readonly reader: SourceReader;
  readonly image: CompressibleImage;
  readonly syntax: LosslessSyntax;
  readonly priority: number;
  readonly hash: Hash;
}

/** Throws FrameNotSuitable, CodecFailure or ObjectDamaged; frames under way then end by themselves and are dropped. */
export async function* encodeFrames(parts: FrameParts, source: FrameSource): AsyncGenerator<EncodedFrame> {
  const underWay: Promise<EncodedFrame>[] = [];
  for (let frame = 0; frame < source.image.frames; frame++) {
    const encoding = await beginFrame(parts, source);
    // Awaited in its turn; a failure before that is no unhandled rejection.
    encoding.result.catch(() => {});
    underWay.push(encoding.result);
    if (underWay.length >= parts.lookahead) yield await underWay.shift()!;
  }
  for (const result of underWay) yield await result;
}

/** Wrapped, so that awaiting the reading does not await the encoding. */
async function beginFrame(parts: FrameParts, source: FrameSource): Promise<{ result: Promise<EncodedFrame> }> {
  const { image, reader, syntax, priority, hash } = source;
  const release = await parts.frameMemory.acquire(image.frameBytes, priority);
  try {
    const pixels = await reader.take(image.frameBytes);
    hash.update(pixels);
    return { result: parts.pool.encode({ syntax, format: image.format, pixels }, priority).finally(release) };
  } catch (error) {
    release();
    throw error;
  }
}
