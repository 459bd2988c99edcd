// Makes renames durable: one fsync of a directory serves every rename that was done before it began (group commit).
import { type FileHandle, open } from 'node:fs/promises';

interface Waiting {
  readonly done: Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

interface Directory {
  readonly handle: FileHandle;
  running: boolean;
  next: Waiting | undefined;
}

/** Directories are few (one a day and kind); their handles stay open. */
export class DirectorySync {
  readonly #directories = new Map<string, Promise<Directory>>();

  /** Resolves when an fsync of `path` that began after this call has succeeded. */
  async sync(path: string): Promise<void> {
    const directory = await this.#open(path);
    directory.next ??= waiting();
    const { done } = directory.next;
    if (!directory.running) void this.#run(directory);
    return done;
  }

  async close(): Promise<void> {
    for (const opening of this.#directories.values()) await (await opening).handle.close();
    this.#directories.clear();
  }

  #open(path: string): Promise<Directory> {
    let opening = this.#directories.get(path);
    if (!opening) {
      opening = open(path, 'r').then((handle) => ({ handle, running: false, next: undefined }));
      opening.catch(() => this.#directories.delete(path));
      this.#directories.set(path, opening);
    }
    return opening;
  }

  async #run(directory: Directory): Promise<void> {
    directory.running = true;
    while (directory.next) {
      const current = directory.next;
      directory.next = undefined;
      try {
        await directory.handle.sync();
        current.resolve();
      } catch (error) {
        current.reject(error);
      }
    }
    directory.running = false;
  }
}

function waiting(): Waiting {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  return { done: promise, resolve, reject };
}
