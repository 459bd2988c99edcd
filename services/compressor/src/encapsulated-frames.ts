// Reads the frames of encapsulated pixel data as they stream by (PS3.5 section A.4): the fragments of one frame are held, never more.
import type { Hash } from 'node:crypto';
import type { SourceReader } from './source-reader.ts';
import { ObjectDamaged, Unsuitable } from './unsuitable.ts';

export interface FrameFragments {
  readonly frames: number;
  /** Of one frame's codestream; more is not held. */
  readonly mostBytes: number;
  /** Frames of this family are one fragment each (PS3.5 section A.4.2); others may be several, and each begins with a marker of its own. */
  readonly isRle: boolean;
}

const ITEM = 0xfffee000;
const SEQUENCE_DELIMITER = 0xfffee0dd;
/** SOI of the JPEG family; SOC of JPEG 2000. */
const BEGINNINGS = [0xffd8, 0xff4f];

/**
 * The codestream of each frame, in order, unpadded or padded as it stands, each in a buffer of its own. Leaves the reader behind the delimiter. Throws Unsuitable when the fragments are not those of
 * so many frames, ObjectDamaged when the object ends before.
 */
export async function* encapsulatedFrames(
  reader: SourceReader,
  hash: Hash,
  order: FrameFragments,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const items = new Items(reader, hash);
  const starts = await frameStarts(items, order);
  let held: Uint8Array<ArrayBuffer>[] = [];
  let frames = 0;
  for (let at = 0, length = await items.next(); length !== undefined; length = await items.next()) {
    const bytes = await items.value(length, order.mostBytes - sizeOf(held));
    if (held.length > 0 && begins(bytes, at, { starts, order })) {
      yield joined(held);
      held = [];
      frames += 1;
    }
    held.push(bytes);
    at += 8 + length;
  }
  if (held.length > 0) {
    yield joined(held);
    frames += 1;
  }
  if (frames !== order.frames) throw new Unsuitable(`the fragments are ${frames} frames, ${order.frames} are said to be`);
}

/** Offsets of the Basic Offset Table; undefined: it is empty, or has not one for each frame. */
async function frameStarts(items: Items, { frames }: FrameFragments): Promise<ReadonlySet<number> | undefined> {
  const length = await items.next();
  if (length === undefined) throw new Unsuitable('the pixel data has no items');
  const table = Buffer.from((await items.value(length, Math.max(4 * frames, 4))).buffer);
  if (length !== 4 * frames) return undefined;
  return new Set(Array.from({ length: frames }, (_, frame) => table.readUInt32LE(4 * frame)));
}

function begins(
  bytes: Uint8Array,
  at: number,
  { starts, order }: { starts: ReadonlySet<number> | undefined; order: FrameFragments },
): boolean {
  if (order.frames === 1) return false;
  if (starts !== undefined) return starts.has(at);
  return order.isRle || BEGINNINGS.includes((bytes[0]! << 8) | bytes[1]!);
}

const sizeOf = (held: readonly Uint8Array[]): number => held.reduce((sum, { length }) => sum + length, 0);

function joined(held: readonly Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  if (held.length === 1) return held[0]!;
  const all = new Uint8Array(sizeOf(held));
  let at = 0;
  for (const bytes of held) {
    all.set(bytes, at);
    at += bytes.length;
  }
  return all;
}

/** The items inside pixel data of undefined length, hashed as they are read. */
class Items {
  readonly #reader: SourceReader;
  readonly #hash: Hash;

  constructor(reader: SourceReader, hash: Hash) {
    this.#reader = reader;
    this.#hash = hash;
  }

  /** The length of the next item; undefined: the delimiter was there. */
  async next(): Promise<number | undefined> {
    const header = Buffer.from((await this.#take(8)).buffer);
    const tag = ((header.readUInt16LE(0) << 16) | header.readUInt16LE(2)) >>> 0;
    if (tag === SEQUENCE_DELIMITER) return undefined;
    const length = header.readUInt32LE(4);
    if (tag !== ITEM || length === 0xffff_ffff) throw new Unsuitable('neither a fragment nor the delimiter in the pixel data');
    return length;
  }

  async value(length: number, most: number): Promise<Uint8Array<ArrayBuffer>> {
    if (length > most) throw new Unsuitable(`a frame or offset table of more than ${most} compressed bytes`);
    return await this.#take(length);
  }

  async #take(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const taken = await this.#reader.take(bytes).catch((error: unknown) => {
      if (error instanceof ObjectDamaged) throw new Unsuitable('the pixel data ends within its fragments');
      throw error;
    });
    this.#hash.update(taken);
    return taken;
  }
}
