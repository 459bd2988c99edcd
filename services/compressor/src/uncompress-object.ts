// Makes the uncompressed object of a compressed one: frames are decoded one by one, everything around the pixel data is the source's own.
import { createHash } from 'node:crypto';
import { explicitHeader } from '@causeway/shared/dicom/part10/element';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { CodecPool } from './codec-pool.ts';
import { MAX_FRAME_BYTES } from './compressible.ts';
import { type DecodableImage, judgeDecodable, undecodableSyntax } from './decodable.ts';
import type { DecodedFrame } from './decode-frame.ts';
import type { DerivedObject } from './derived-object.ts';
import { encapsulatedFrames } from './encapsulated-frames.ts';
import { describeImage } from './image-description.ts';
import type { PrioritySemaphore } from './priority-semaphore.ts';
import { makeOutput, type Output, refuseOddHeader, refuseOtherSource } from './profile-output.ts';
import { readSourceHeader, type SourceHeader } from './source-header.ts';
import { SourceReader } from './source-reader.ts';
import { LOSSY_PATHS, uncompressedHeader } from './uncompressed-header.ts';
import { Unsuitable } from './unsuitable.ts';

export interface UncompressParts {
  readonly store: ObjectStore;
  readonly pool: Pick<CodecPool, 'decode'>;
  /** Bytes of frames that the whole process holds. */
  readonly frameMemory: PrioritySemaphore;
  /** Frames of one object under way. */
  readonly lookahead: number;
}

const PIXEL_DATA = 0x7fe00010;

/** Throws Unsuitable, FrameNotSuitable, CodecFailure, DicomParseError, Unspliceable (it cannot be done), ObjectMissing, ObjectDamaged, TransientError. */
export async function uncompressObject(parts: UncompressParts, source: ObjectRef, output: Output): Promise<ObjectRef> {
  const undecodable = undecodableSyntax(source.transferSyntaxUid);
  if (undecodable !== undefined) throw new Unsuitable(undecodable);
  const reader = new SourceReader(await parts.store.get(source.objectKey));
  try {
    return await uncompressFrom(reader, parts, { source, output });
  } finally {
    reader.close();
  }
}

async function uncompressFrom(
  reader: SourceReader,
  parts: UncompressParts,
  order: { source: ObjectRef; output: Output },
): Promise<ObjectRef> {
  const { source, output } = order;
  const hash = createHash('sha256');
  const header = await readSourceHeader(reader, { transferSyntaxUid: source.transferSyntaxUid, hash, wanted: LOSSY_PATHS });
  refuseOddHeader(header);
  const judgement = judgeDecodable(source.transferSyntaxUid, describeImage(header.scan));
  if ('reason' in judgement) throw new Unsuitable(judgement.reason);
  const { image } = judgement;
  const fragments = { frames: image.frames, mostBytes: MAX_FRAME_BYTES, isRle: image.decoding.family === 'rle' };
  const frames = decodeFrames(parts, encapsulatedFrames(reader, hash, fragments), { image, priority: output.priority });
  return await makeOutput(parts.store, output, async (derived) => {
    await writePixels(derived, frames, { header, image, compressedBytes: source.size - header.pixelDataPosition });
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      hash.update(chunk);
      await derived.write(chunk);
    }
    refuseOtherSource(hash, source);
  });
}

interface Pixels {
  readonly header: SourceHeader;
  readonly image: DecodableImage;
  readonly compressedBytes: number;
}

/** The header waits for the first frame, which tells whether something was lost. */
async function writePixels(derived: DerivedObject, frames: AsyncIterable<DecodedFrame>, pixels: Pixels): Promise<void> {
  const { header, image, compressedBytes } = pixels;
  let begun = false;
  for await (const { pixels: cells, lossless } of frames) {
    if (!begun) {
      await derived.write(await uncompressedHeader(header, { image, lossy: !lossless, compressedBytes }));
      await derived.write(pixelDataHeader(image));
      begun = true;
    }
    await derived.write(Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength));
  }
  if ((image.frameBytes * image.frames) % 2 === 1) await derived.write(Buffer.alloc(1));
}

/** OB is for cells of up to 8 bits, OW for all (PS3.5 section A.2). */
function pixelDataHeader({ frame, frameBytes, frames }: DecodableImage): Buffer {
  const bytes = frameBytes * frames;
  return explicitHeader(PIXEL_DATA, frame.bitsAllocated > 8 ? 'OW' : 'OB', bytes + (bytes % 2));
}

interface Decoding {
  readonly image: DecodableImage;
  readonly priority: number;
}

/** In order, a few at a time. Frames under way when one fails end by themselves and are dropped. */
async function* decodeFrames(
  parts: UncompressParts,
  codestreams: AsyncIterable<Uint8Array<ArrayBuffer>>,
  decoding: Decoding,
): AsyncGenerator<DecodedFrame> {
  const underWay: Promise<DecodedFrame>[] = [];
  for await (const codestream of codestreams) {
    const { result } = await beginFrame(parts, codestream, decoding);
    result.catch(() => {});
    underWay.push(result);
    if (underWay.length >= parts.lookahead) yield await underWay.shift()!;
  }
  for (const result of underWay) yield await result;
}

/** Wrapped, so that awaiting the memory does not await the decoding. */
async function beginFrame(
  { pool, frameMemory }: UncompressParts,
  codestream: Uint8Array<ArrayBuffer>,
  { image, priority }: Decoding,
): Promise<{ result: Promise<DecodedFrame> }> {
  const release = await frameMemory.acquire(image.frameBytes + codestream.length, priority);
  const { decoding, frame, toRgb, frameBytes } = image;
  return { result: pool.decode({ codestream, image: { decoding, frame, toRgb, frameBytes } }, priority).finally(release) };
}
