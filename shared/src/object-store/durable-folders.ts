// Folders that survive a power cut: each new one is synced into its parent, once a process.
import { closeSync, fsyncSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';

/** Receipts make one folder a day, retrieved studies one each. */
const MOST_REMEMBERED = 10_000;

export class DurableFolders {
  readonly #root: string;
  readonly #made = new Set<string>();

  /** `root` is there already. */
  constructor(root: string) {
    this.#root = root;
  }

  /** `folder` and those above it, up to the root, are there and durable afterwards. Throws the error of the file system. */
  make(folder: string): void {
    if (folder === this.#root || this.#made.has(folder)) return;
    const parent = dirname(folder);
    this.make(parent);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    syncFolder(parent);
    if (this.#made.size >= MOST_REMEMBERED) this.#made.clear();
    this.#made.add(folder);
  }

  /** Somebody removed folders: what was remembered says nothing any more. */
  forget(): void {
    this.#made.clear();
  }
}

/** Makes what was done in the folder before durable. */
function syncFolder(folder: string): void {
  const synced = new SyncedFolder(folder);
  try {
    synced.sync();
  } finally {
    synced.close();
  }
}

/** A directory opened before the renames that its sync makes durable: the kernel tells of a failed write only those who had it open by then. */
export class SyncedFolder {
  readonly #descriptor: number;

  /** Opening one costs 10 microseconds beside the sync's hundreds. Throws the error of the file system. */
  constructor(path: string) {
    this.#descriptor = openSync(path, 'r');
  }

  sync(): void {
    fsyncSync(this.#descriptor);
  }

  close(): void {
    try {
      closeSync(this.#descriptor);
    } catch {
      // What had to be durable was synced, or is told to have failed.
    }
  }
}
