// Makes renames durable: one fsync of a directory serves every rename that was done before it began (group commit).
import { type FileHandle, open } from 'node:fs/promises';

interface Waiting {
  readonly done: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

interface Directory {
  readonly handle: Promise<FileHandle>;
  /** Callers that wait. */
  users: number;
  running: boolean;
  next: Waiting | undefined;
}

/** Opening one costs as much as a write; a handle for each study ever fetched would cost the process its life. */
const MOST_OPEN = 32;

/** The directories used last stay open. */
export class DirectorySync {
  /** Least recently used first. */
  readonly #directories = new Map<string, Directory>();
  readonly #open: (path: string) => Promise<FileHandle>;

  constructor(openDirectory: (path: string) => Promise<FileHandle> = (path) => open(path, 'r')) {
    this.#open = openDirectory;
  }

  /** Resolves when an fsync of `path` that began after this call has succeeded; rejects when it or the one under way failed. */
  async sync(path: string): Promise<void> {
    const directory = this.#directoryOf(path);
    directory.users++;
    directory.next ??= waiting();
    const { done } = directory.next;
    if (!directory.running) void this.#run(directory);
    try {
      await done;
    } catch (error) {
      if (this.#directories.get(path) === directory) this.#directories.delete(path);
      throw error;
    } finally {
      directory.users--;
      this.#closeIdle(path, directory);
    }
  }

  /** The directory was removed and made again: its old handle says nothing about the new one. */
  forget(path: string): void {
    const directory = this.#directories.get(path);
    this.#directories.delete(path);
    if (directory?.users === 0) void closeHandle(directory);
  }

  async close(): Promise<void> {
    const directories = [...this.#directories.values()];
    this.#directories.clear();
    await Promise.all(directories.map(closeHandle));
  }

  #directoryOf(path: string): Directory {
    const directory = this.#directories.get(path) ?? { handle: this.#open(path), users: 0, running: false, next: undefined };
    this.#directories.delete(path);
    this.#directories.set(path, directory);
    return directory;
  }

  /** Closes what was forgotten while in use, and what is idle beyond the limit. */
  #closeIdle(path: string, directory: Directory): void {
    if (directory.users === 0 && this.#directories.get(path) !== directory) void closeHandle(directory);
    for (const [other, idle] of this.#directories) {
      if (this.#directories.size <= MOST_OPEN) return;
      if (idle.users === 0) this.forget(other);
    }
  }

  async #run(directory: Directory): Promise<void> {
    directory.running = true;
    while (directory.next) {
      const current = directory.next;
      directory.next = undefined;
      try {
        await (await directory.handle).sync();
        current.resolve();
      } catch (error) {
        current.reject(error);
        refuseWaiting(directory, error);
      }
    }
    directory.running = false;
  }
}

/** A rename done while a sync failed may be in what was lost, and the kernel tells of a loss only once: who waits for the next sync is told too. */
function refuseWaiting(directory: Directory, error: unknown): void {
  directory.next?.reject(error);
  directory.next = undefined;
}

/** Nothing can be lost by a close that fails: what had to be durable was synced. */
const closeHandle = ({ handle }: Directory): Promise<void> => handle.then((opened) => opened.close()).catch(() => {});

function waiting(): Waiting {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { done: promise, resolve, reject };
}
