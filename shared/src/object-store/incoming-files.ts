// Files opened before they are needed: creating one costs 0.3 to 1.3 ms on ext4 (measured), which would stand between a modality and its answer.
import { close, open, unlink } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { uuidV7 } from '../brands.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const removeFile = promisify(unlink);

export interface IncomingFile {
  readonly descriptor: number;
  readonly path: string;
}

/** Enough for more than eight associations; an open file that is never used costs one inode until the process ends. */
const READY_FILES = 16;
/** They are opened several at a time: waking the thread pool for each one costs its caller 0.3 ms on two cores (measured). */
const REFILL_BELOW = 8;

export class IncomingFiles {
  readonly #folder: string;
  readonly #ready: IncomingFile[] = [];
  #opening = 0;
  #closed = false;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** An empty file of our own, open for writing. Rejects with the error of the file system. */
  async take(): Promise<IncomingFile> {
    const file = this.#ready.pop() ?? (await this.#open());
    this.#refill();
    return file;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#ready.splice(0).map((file) => remove(file)));
  }

  #refill(): void {
    if (this.#ready.length + this.#opening >= REFILL_BELOW) return;
    while (!this.#closed && this.#ready.length + this.#opening < READY_FILES) {
      this.#opening++;
      this.#open()
        .then((file) => (this.#closed ? remove(file) : void this.#ready.push(file)))
        // A full or broken disk is told to whoever takes a file.
        .catch(() => {})
        .finally(() => this.#opening--);
    }
  }

  async #open(): Promise<IncomingFile> {
    // The name tells whose it is, so that the sweep at a start spares the living.
    const path = join(this.#folder, `${process.pid}-${uuidV7()}`);
    return { descriptor: await openFile(path, 'wx', 0o600), path };
  }
}

/** Closes and deletes. */
export async function remove({ descriptor, path }: IncomingFile): Promise<void> {
  await closeFile(descriptor).catch(() => {});
  await removeFile(path).catch(() => {});
}
