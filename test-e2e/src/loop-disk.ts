// A disk of its own (ext4 in a file on a loop device) that can lose power, or hang: for what no test can do to the machine's own disk. Needs root.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** EXT4_IOC_SHUTDOWN with EXT4_GOING_FLAGS_NOLOGFLUSH (fs/ext4/ext4.h): nothing more is written, not even the journal; Node has no ioctl. */
const SHUTDOWN = 'open(my $f, "<", $ARGV[0]) or die "open: $!"; my $how = pack("I", 2); ioctl($f, 0x8004587d, $how) or die "ioctl: $!";';

export class LoopDisk {
  /** Where it is mounted. */
  readonly folder: string;
  readonly #scratch: string;
  readonly #image: string;

  constructor(mebibytes: number) {
    this.#scratch = mkdtempSync(join(tmpdir(), 'causeway-loop-disk-'));
    chmodSync(this.#scratch, 0o711);
    this.#image = join(this.#scratch, 'image');
    this.folder = join(this.#scratch, 'mounted');
    mkdirSync(this.folder);
    writeFileSync(this.#image, '');
    truncateSync(this.#image, mebibytes * 1024 ** 2);
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image]);
    this.mount();
    process.once('exit', () => this.remove());
  }

  mount(): void {
    execFileSync('mount', ['-o', 'loop', this.#image, this.folder]);
    chmodSync(this.folder, 0o711);
  }

  /** What the kernel does by itself after some 30 s: everything written so far reaches the disk. */
  writeBack(): void {
    execFileSync('sync', ['-f', this.folder]);
  }

  /** What was not synced is gone; every later operation fails (EIO) until it is mounted again. */
  cutPower(): void {
    execFileSync('perl', ['-e', SHUTDOWN, this.folder]);
  }

  /** After cutPower, once nobody has a file open on it: what is there then is what a machine would find. */
  mountAgain(): void {
    execFileSync('umount', [this.folder]);
    this.mount();
  }

  /** Every write waits until thaw, as on a disk or network file system that does not answer. */
  freeze(): void {
    execFileSync('fsfreeze', ['-f', this.folder]);
  }

  thaw(): void {
    execFileSync('fsfreeze', ['-u', this.folder]);
  }

  remove(): void {
    try {
      execFileSync('umount', ['-l', this.folder], { stdio: 'ignore' });
    } catch {
      // Not mounted any more.
    }
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}
