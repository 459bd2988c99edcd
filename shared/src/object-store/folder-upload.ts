// One object on its way into the folder: a small one is held and written at once, a large one is written behind as it arrives; then it is synced, renamed, and
// its directory synced.
import { closeSync, fdatasync, writeSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import { TransientError } from '../errors.ts';
import { BLOCK_BYTES, type Block, type BlockPool } from './block-pool.ts';
import { type IncomingFile, type IncomingFiles, remove } from './incoming-files.ts';
import type { ObjectUpload } from './object-store.ts';

const writeVector = promisify(writev);
const syncData = promisify(fdatasync);

export interface UploadPlace {
  readonly incoming: IncomingFiles;
  /** Renames the synced file to its place and makes the rename durable. */
  readonly publish: (incomingPath: string) => Promise<void>;
  readonly pool: BlockPool;
}

/** Objects below this size are written in one system call when they are whole: each turn through the thread pool costs 0.1 ms and more on two cores. Of a larger
 * one at most this much is held; then the writer is asked to wait, because the disk is slower than the network. */
const HOLD_BLOCKS = (1024 * 1024) / BLOCK_BYTES;
/** A first chunk up to this size (group 2) stays in memory until the commit, for its patches. */
const HEAD_BYTES = 64 * 1024;

export class FolderUpload implements ObjectUpload {
  readonly #place: UploadPlace;
  #head: Buffer | undefined;
  #full: Block[] = [];
  #current: Block | undefined;
  #written = 0;
  #size = 0;
  #file: IncomingFile | undefined;
  #patches: { position: number; bytes: Buffer }[] = [];
  #writing: Promise<void> | undefined;
  #failure: TransientError | undefined;
  #ended = false;
  #isLarge = false;

  constructor(place: UploadPlace) {
    this.#place = place;
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#ended) throw new Error('write after the end of the upload');
    if (this.#failure) return Promise.reject(this.#failure);
    if (this.#size === 0 && chunk.length <= HEAD_BYTES) this.#keepHead(chunk);
    else this.#hold(chunk);
    const mustWait = this.#full.length >= HOLD_BLOCKS || this.#place.pool.isOverBudget;
    if (!mustWait && (this.#full.length === 0 || !this.#isLarge)) return undefined;
    this.#isLarge = true;
    const flushed = this.#flush();
    if (mustWait) return flushed;
    // Told at the next write, or at the commit.
    flushed.catch(() => {});
    return undefined;
  }

  patch(position: number, bytes: Buffer): void {
    if (position + bytes.length > this.#size) throw new Error(`patch at ${position} beyond the ${this.#size} bytes written`);
    if (this.#head && position + bytes.length <= this.#head.length) bytes.copy(this.#head, position);
    else this.#patches.push({ position, bytes });
  }

  async commit(): Promise<{ size: number }> {
    this.#ended = true;
    try {
      await this.#writing;
      if (this.#current) this.#full.push(this.#current);
      this.#current = undefined;
      await this.#flush();
      if (this.#written !== this.#size) throw new Error(`${this.#written} of ${this.#size} bytes were written`);
      const file = await this.#openFile();
      this.#writePatches(file);
      await syncData(file.descriptor);
      await this.#place.publish(file.path);
      this.#file = undefined;
      closeQuietly(file.descriptor);
    } catch (error) {
      await this.#remove();
      throw storeFailure(error);
    }
    return { size: this.#size };
  }

  async discard(): Promise<void> {
    this.#ended = true;
    await this.#writing?.catch(() => {});
    await this.#remove();
  }

  /** A few hundred bytes into the page cache: cheaper here than a turn through the thread pool (0.1 ms and more on two cores). */
  #writePatches({ descriptor }: IncomingFile): void {
    const head = this.#head ? [{ position: 0, bytes: this.#head }] : [];
    for (const { position, bytes } of [...head, ...this.#patches]) {
      for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, position + at);
    }
  }

  /** A copy: patches must not change what the caller gave. */
  #keepHead(chunk: Buffer): void {
    this.#head = Buffer.from(chunk);
    this.#size = chunk.length;
    this.#written = chunk.length;
  }

  #hold(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      this.#current ??= this.#place.pool.take();
      const copied = chunk.copy(this.#current.bytes, this.#current.fill, at);
      this.#current.fill += copied;
      at += copied;
      if (this.#current.fill < BLOCK_BYTES) continue;
      this.#full.push(this.#current);
      this.#current = undefined;
    }
    this.#size += chunk.length;
  }

  /** One write at a time, in order; what came meanwhile goes with the next. */
  #flush(): Promise<void> {
    this.#writing ??= this.#writeHeld().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeHeld(): Promise<void> {
    while (this.#full.length > 0) {
      const blocks = this.#full;
      this.#full = [];
      try {
        await this.#writeBlocks(blocks);
      } catch (error) {
        this.#failure = storeFailure(error);
      } finally {
        this.#place.pool.give(blocks);
      }
      if (this.#failure) break;
    }
    if (this.#failure) throw this.#failure;
  }

  /** A small object is whole when it is written: its head, with the patches, goes in the same call. */
  async #writeBlocks(blocks: readonly Block[]): Promise<void> {
    const buffers = blocks.map(({ bytes, fill }) => bytes.subarray(0, fill));
    const head = this.#ended && !this.#isLarge ? this.#head : undefined;
    if (head) this.#head = undefined;
    const position = head ? 0 : this.#written;
    const written = await writeFully(await this.#openFile(), head ? [head, ...buffers] : buffers, position);
    this.#written = position + written;
  }

  async #openFile(): Promise<IncomingFile> {
    this.#file ??= await this.#place.incoming.take();
    return this.#file;
  }

  async #remove(): Promise<void> {
    this.#place.pool.give(this.#current ? [...this.#full, this.#current] : this.#full);
    this.#full = [];
    this.#current = undefined;
    const file = this.#file;
    this.#file = undefined;
    if (file) await remove(file);
  }
}

/** Synced and in its place: nothing can be lost by a close that fails. Microseconds, so no turn through the thread pool. */
function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // The object is durable all the same.
  }
}

/** writev takes at most IOV_MAX (1024) buffers, and may write less than asked. */
async function writeFully({ descriptor }: IncomingFile, buffers: Buffer[], position: number): Promise<number> {
  let written = 0;
  let rest = buffers;
  while (rest.length > 0) {
    const { bytesWritten } = await writeVector(descriptor, rest.slice(0, 1_024), position + written);
    written += bytesWritten;
    rest = withoutFirst(rest, bytesWritten);
  }
  return written;
}

function withoutFirst(chunks: Buffer[], count: number): Buffer[] {
  let left = count;
  let index = 0;
  while (index < chunks.length && left >= chunks[index]!.length) left -= chunks[index++]!.length;
  const rest = chunks.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}

function storeFailure(error: unknown): TransientError {
  if (error instanceof TransientError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const words = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left in the object folder' : `the object folder failed (${code})`;
  return new TransientError(words, { cause: error });
}
