// A small file system of its own for a data folder, and a ballast file that fills it.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ballast } from './ballast.ts';

export class SmallDisk {
  readonly folder: string;
  readonly #ballast: Ballast;

  /** Needs root. */
  constructor(mebibytes: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'causeway-small-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=0711`, 'causeway-test', this.folder]);
    chmodSync(this.folder, 0o711);
    this.#ballast = new Ballast(this.folder);
    process.once('exit', () => this.remove());
  }

  get freeBytes(): number {
    return this.#ballast.freeBytes;
  }

  /** Makes the ballast larger until no more than so much is free. */
  fillUpTo(freeBytes: number): void {
    this.#ballast.fillUpTo(freeBytes);
  }

  empty(): void {
    this.#ballast.empty();
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
