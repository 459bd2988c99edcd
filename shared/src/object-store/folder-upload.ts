// One object on its way into the folder: held in memory while small, else in a file of the incoming folder; synced, renamed, directory synced.
import { close, fdatasync, open, unlink, write, writev } from 'node:fs';
import { promisify } from 'node:util';
import { TransientError } from '../errors.ts';
import type { ObjectUpload } from './object-store.ts';

const openFile = promisify(open);
const writeAll = promisify(writev);
const writeAt = promisify(write);
const syncData = promisify(fdatasync);
const closeFile = promisify(close);
const removeFile = promisify(unlink);

/** Bytes that all uploads of a process may hold in memory together; beyond it they write to their files at once. */
export class MemoryBudget {
  #free: number;
  constructor(bytes: number) {
    this.#free = bytes;
  }
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }
  give(bytes: number): void {
    this.#free += bytes;
  }
}

export interface UploadPlace {
  readonly incomingPath: string;
  /** Renames the synced file to its place and makes the rename durable. */
  readonly publish: (incomingPath: string) => Promise<void>;
  readonly budget: MemoryBudget;
}

/** An object larger than this goes to its file while it arrives; typical CT, MR and CR slices stay below and cost one write. */
const HOLD_BYTES = 1024 * 1024;

export class FolderUpload implements ObjectUpload {
  readonly #place: UploadPlace;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #size = 0;
  #file: number | undefined;
  #patches: { position: number; bytes: Buffer }[] = [];
  #writing: Promise<void> | undefined;
  #failure: unknown;
  #ended = false;

  constructor(place: UploadPlace) {
    this.#place = place;
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#ended) throw new Error('write after the end of the upload');
    if (this.#failure) return Promise.reject(storeFailure(this.#failure));
    const budgeted = this.#place.budget.take(chunk.length);
    this.#held.push(chunk);
    this.#size += chunk.length;
    if (budgeted) this.#heldBytes += chunk.length;
    if (budgeted && this.#heldBytes < HOLD_BYTES) return undefined;
    return this.#flush();
  }

  patch(position: number, bytes: Buffer): void {
    if (position + bytes.length > this.#size) throw new Error(`patch at ${position} beyond the ${this.#size} bytes written`);
    this.#patches.push({ position, bytes });
  }

  async commit(): Promise<{ size: number }> {
    this.#ended = true;
    try {
      await this.#flush();
      const file = await this.#openFile();
      for (const { position, bytes } of this.#patches) await writeAt(file, bytes, 0, bytes.length, position);
      await syncData(file);
      await this.#close();
      await this.#place.publish(this.#place.incomingPath);
    } catch (error) {
      await this.#remove();
      throw storeFailure(error);
    }
    return { size: this.#size };
  }

  async discard(): Promise<void> {
    this.#ended = true;
    await this.#writing?.catch(() => {});
    this.#release();
    await this.#remove();
  }

  /** One write at a time, in order; what came meanwhile goes with the next. */
  #flush(): Promise<void> {
    this.#writing ??= this.#writeHeld().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #writeHeld(): Promise<void> {
    while (this.#held.length > 0) {
      const chunks = this.#patchedInMemory();
      const bytes = this.#heldBytes;
      this.#held = [];
      this.#heldBytes = 0;
      try {
        await writeFully(await this.#openFile(), chunks);
      } catch (error) {
        this.#failure = error;
        throw storeFailure(error);
      } finally {
        this.#place.budget.give(bytes);
      }
    }
  }

  /** Patches that lie within one held first chunk need no write of their own. */
  #patchedInMemory(): Buffer[] {
    const [first] = this.#held;
    const nothingWritten = this.#file === undefined;
    if (!first || !nothingWritten) return this.#held;
    const inFirst = this.#patches.filter(({ position, bytes }) => position + bytes.length <= first.length);
    for (const { position, bytes } of inFirst) bytes.copy(first, position);
    this.#patches = this.#patches.filter((patch) => !inFirst.includes(patch));
    return this.#held;
  }

  async #openFile(): Promise<number> {
    this.#file ??= await openFile(this.#place.incomingPath, 'wx', 0o600);
    return this.#file;
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    if (file !== undefined) await closeFile(file);
  }

  async #remove(): Promise<void> {
    this.#release();
    const opened = this.#file !== undefined || this.#ended;
    await this.#close().catch(() => {});
    if (opened) await removeFile(this.#place.incomingPath).catch(() => {});
  }

  #release(): void {
    this.#place.budget.give(this.#heldBytes);
    this.#heldBytes = 0;
    this.#held = [];
  }
}

async function writeFully(file: number, chunks: Buffer[]): Promise<void> {
  let rest = chunks;
  while (rest.length > 0) {
    // writev is limited to IOV_MAX (1024) buffers a call.
    const part = rest.slice(0, 1024);
    const total = part.reduce((sum, chunk) => sum + chunk.length, 0);
    const { bytesWritten } = await writeAll(file, part);
    rest = bytesWritten === total ? rest.slice(part.length) : [...dropBytes(part, bytesWritten), ...rest.slice(part.length)];
  }
}

function dropBytes(chunks: Buffer[], count: number): Buffer[] {
  let left = count;
  const rest: Buffer[] = [];
  for (const chunk of chunks) {
    if (left >= chunk.length) left -= chunk.length;
    else {
      rest.push(chunk.subarray(left));
      left = 0;
    }
  }
  return rest;
}

function storeFailure(error: unknown): TransientError {
  if (error instanceof TransientError) return error;
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const words = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left in the object folder' : `the object folder failed (${code})`;
  return new TransientError(words, { cause: error });
}
