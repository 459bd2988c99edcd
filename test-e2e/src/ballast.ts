// A file that fills a small file system as far as a test wants it.
import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(64 * 1024, 0xb5);

export class Ballast {
  readonly #folder: string;
  readonly #file: string;

  constructor(folder: string) {
    this.#folder = folder;
    this.#file = join(folder, 'ballast');
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }

  /** Grows until no more than so much is free. */
  fillUpTo(freeBytes: number): void {
    const file = openSync(this.#file, 'a');
    try {
      while (this.freeBytes > freeBytes) writeSync(file, CHUNK, 0, Math.min(CHUNK.length, this.freeBytes - freeBytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#file, { force: true });
  }
}
