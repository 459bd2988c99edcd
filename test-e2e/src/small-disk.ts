// A small file system of its own for a data folder, and a ballast file that fills it.
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHUNK = Buffer.alloc(64 * 1024, 0xb5);

export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;

  /** Needs root. */
  constructor(mebibytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'causeway-small-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0711`, 'causeway-test', this.folder]);
    chmodSync(this.folder, 0o711);
    this.#ballast = join(this.folder, 'ballast');
    process.once('exit', () => this.remove());
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  /** Makes the ballast larger until no more than so much is free. */
  fillUpTo(freeBytes: number): void {
    const file = openSync(this.#ballast, 'a');
    try {
      while (this.freeBytes > freeBytes) writeSync(file, CHUNK, 0, Math.min(CHUNK.length, this.freeBytes - freeBytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    } finally {
      closeSync(file);
    }
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  remove(): void {
    try {
      execFileSync('umount', ['-l', this.folder], { stdio: 'ignore' });
    } catch {
      // Not mounted any more.
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
