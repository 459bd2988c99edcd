// One object on its way into the folder: a small one is held and written at once, a large one is written behind as it arrives; then it is synced, renamed, and
// its directory synced, all by the writer's thread.
import { TransientError } from '../errors.ts';
import { BLOCK_BYTES, type Block, type BlockPool } from './block-pool.ts';
import type { FolderWriter } from './folder-writer.ts';
import type { Patch, Span } from './folder-writer-thread.ts';
import type { ObjectUpload } from './object-store.ts';

export interface UploadPlace {
  readonly writer: FolderWriter;
  /** Its blocks lie in the memory that the writer's thread sees. */
  readonly pool: BlockPool;
  /** Path of the object. */
  readonly target: string;
}

/** Objects below this size are handed over once, when they are whole: each turn to a thread costs 0.1 ms and more on two cores. Of a larger
 * one at most this much is held; then the writer is asked to wait, because the disk is slower than the network. */
const HOLD_BLOCKS = (1024 * 1024) / BLOCK_BYTES;

export class FolderUpload implements ObjectUpload {
  readonly #place: UploadPlace;
  readonly #upload: number;
  /** The first block, with group 2, stays until the commit, for its patches. */
  #first: Block | undefined;
  #full: Block[] = [];
  #current: Block | undefined;
  #written = 0;
  #size = 0;
  #patches: Patch[] = [];
  #writing: Promise<void> | undefined;
  #committing: Promise<{ size: number }> | undefined;
  /** The commit is the thread's: it makes the object durable, or removes what was written. */
  #isHandedOver = false;
  #failure: TransientError | undefined;
  #ended = false;
  #isLarge = false;

  constructor(place: UploadPlace) {
    this.#place = place;
    this.#upload = place.writer.begin();
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#ended) throw new Error('write after the end of the upload');
    if (this.#failure) return Promise.reject(this.#failure);
    try {
      this.#hold(chunk);
    } catch (error) {
      this.#failure = storeFailure(error);
      return Promise.reject(this.#failure);
    }
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
    if (this.#first && position + bytes.length <= this.#first.fill) bytes.copy(this.#first.bytes, position);
    else this.#patches.push({ position, bytes });
  }

  commit(): Promise<{ size: number }> {
    this.#ended = true;
    this.#committing = this.#commit();
    return this.#committing;
  }

  /** Once a commit is under way it runs to its end, because the thread reads the blocks; a durable object stays. */
  async discard(): Promise<void> {
    this.#ended = true;
    await this.#writing?.catch(() => {});
    await this.#committing?.catch(() => {});
    this.#giveBack();
    await this.#removeWritten();
  }

  /** Also after a failure: it may have been none of the thread's (no memory), which has the file open then. */
  async #removeWritten(): Promise<void> {
    if (this.#isLarge && !this.#isHandedOver) await this.#place.writer.discard(this.#upload);
  }

  async #commit(): Promise<{ size: number }> {
    try {
      await this.#writing;
      if (this.#failure) throw this.#failure;
      const { writer, target } = this.#place;
      this.#isHandedOver = true;
      await writer.commit(this.#upload, { spans: this.#restOfIt(), patches: this.#patches, target, size: this.#size });
    } catch (error) {
      await this.#removeWritten().catch(() => {});
      throw storeFailure(error);
    } finally {
      this.#giveBack();
    }
    return { size: this.#size };
  }

  #hold(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      this.#current ??= this.#place.pool.take();
      const copied = chunk.copy(this.#current.bytes, this.#current.fill, at);
      this.#current.fill += copied;
      at += copied;
      if (this.#current.fill === BLOCK_BYTES) this.#keep(this.#current);
    }
    this.#size += chunk.length;
  }

  #keep(block: Block): void {
    this.#current = undefined;
    if (this.#first === undefined) {
      this.#first = block;
      this.#written = BLOCK_BYTES;
    } else this.#full.push(block);
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
        await this.#place.writer.write(this.#upload, this.#spansOf(blocks));
      } catch (error) {
        this.#failure = storeFailure(error);
        throw this.#failure;
      } finally {
        this.#place.pool.give(blocks);
      }
    }
  }

  /** In their order, from where the last ones ended. */
  #spansOf(blocks: readonly Block[]): Span[] {
    return blocks.map((block) => {
      const span = { offset: block.bytes.byteOffset, length: block.fill, position: this.#written };
      this.#written += block.fill;
      return span;
    });
  }

  #restOfIt(): Span[] {
    if (this.#first === undefined) return this.#current ? this.#spansOf([this.#current]) : [];
    const first = { offset: this.#first.bytes.byteOffset, length: BLOCK_BYTES, position: 0 };
    return [first, ...this.#spansOf(this.#current ? [...this.#full, this.#current] : this.#full)];
  }

  #giveBack(): void {
    const blocks = [this.#first, ...this.#full, this.#current].filter((block) => block !== undefined);
    this.#first = undefined;
    this.#full = [];
    this.#current = undefined;
    this.#place.pool.give(blocks);
  }
}

function storeFailure(error: unknown): TransientError {
  if (error instanceof TransientError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const words = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left in the object folder' : `the object folder failed (${code})`;
  return new TransientError(words, { cause: error });
}
