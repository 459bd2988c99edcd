// The object store of one machine: a folder. An object is a file that was synced, renamed into place, and whose directory was synced.
import { constants, type Dirent } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, stat, statfs, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { isObjectKey, type ObjectKey, objectKey, uuidV7 } from '../brands.ts';
import { ObjectMissing, TransientError } from '../errors.ts';
import { BLOCK_BYTES, BlockPool } from './block-pool.ts';
import { DirectorySync } from './directory-sync.ts';
import { FolderUpload } from './folder-upload.ts';
import { FolderWriters } from './folder-writers.ts';
import type { ObjectStat, ObjectStore, ObjectUpload } from './object-store.ts';
import { SharedMemory } from './shared-memory.ts';

/** What all uploads of one process hold in memory before their writers are asked to wait (invariant 4). */
const MEMORY_BUDGET_BYTES = 8 * 1024 * 1024;
/** Each arriving object holds one block at least: beyond so many, C-STORE is refused (A700). */
const MEMORY_MOST_BYTES = 256 * 1024 * 1024;
const READ_CHUNK_BYTES = 256 * 1024;
const INCOMING = '.incoming';

/** Opens the folder, making it when absent, and removes what killed processes left half-written. */
export async function openFolderStore(root: string): Promise<ObjectStore & { close(): Promise<void> }> {
  const incoming = join(root, INCOMING);
  await mkdir(incoming, { recursive: true, mode: 0o700 });
  await sweepIncoming(incoming);
  return new FolderStore(root, incoming);
}

class FolderStore implements ObjectStore {
  readonly #root: string;
  readonly #incoming: string;
  readonly #directories = new DirectorySync();
  readonly #pool: BlockPool;
  readonly #writers: FolderWriters;

  constructor(root: string, incoming: string) {
    this.#root = root;
    this.#incoming = incoming;
    const shared = new SharedMemory(MEMORY_MOST_BYTES);
    const allocate = () => shared.allocate(BLOCK_BYTES);
    this.#pool = new BlockPool({ budgetBytes: MEMORY_BUDGET_BYTES, keepBytes: MEMORY_MOST_BYTES, allocate });
    this.#writers = new FolderWriters({ root, incoming, memory: shared.bytes });
  }

  create(key: ObjectKey): ObjectUpload {
    return new FolderUpload({ writer: this.#writers.next(), pool: this.#pool, target: this.#pathOf(key) });
  }

  async get(key: ObjectKey, range?: { start: number; end?: number }): Promise<Readable> {
    const start = range?.start ?? 0;
    try {
      const file = await open(this.#pathOf(key), constants.O_RDONLY);
      if (range?.end !== undefined && range.end <= start) return await nothingOf(file);
      const end = range?.end === undefined ? undefined : range.end - 1;
      return file.createReadStream({ start, end, highWaterMark: READ_CHUNK_BYTES });
    } catch (error) {
      throw readFailure(key, error);
    }
  }

  async stat(key: ObjectKey): Promise<ObjectStat | undefined> {
    try {
      const found = await stat(this.#pathOf(key));
      return { size: found.size, modifiedAt: found.mtime };
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw readFailure(key, error);
    }
  }

  async delete(key: ObjectKey): Promise<void> {
    const path = this.#pathOf(key);
    try {
      await unlink(path);
    } catch (error) {
      if (isAbsent(error)) return;
      throw readFailure(key, error);
    }
    await this.#directories.sync(dirname(path)).catch((error: unknown) => {
      throw readFailure(key, error);
    });
  }

  async *list(prefix: string): AsyncIterable<ObjectStat & { key: ObjectKey }> {
    yield* this.#walk('', prefix);
  }

  async freeBytes(): Promise<{ free: number; total: number }> {
    const { bavail, blocks, bsize } = await statfs(this.#root);
    return { free: bavail * bsize, total: blocks * bsize };
  }

  async probe(): Promise<void> {
    const path = join(this.#incoming, `${process.pid}-probe-${uuidV7()}`);
    try {
      const file = await open(path, 'wx', 0o600);
      try {
        await file.write(Buffer.alloc(4096));
        await file.datasync();
      } finally {
        await file.close();
        await unlink(path);
      }
    } catch (error) {
      throw new TransientError(`the object folder does not take objects (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    await this.#writers.close();
    await this.#directories.close();
  }

  #pathOf(key: ObjectKey): string {
    return join(this.#root, ...objectKey(key).split('/'));
  }

  async *#walk(relative: string, prefix: string): AsyncIterable<ObjectStat & { key: ObjectKey }> {
    const entries = await this.#entriesOf(relative);
    entries.sort((a, b) => (inKey(a) < inKey(b) ? -1 : 1));
    for (const entry of entries) {
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`;
      const onTheWay = prefix.startsWith(`${path}/`) || path.startsWith(prefix);
      if (entry.name === INCOMING || !onTheWay) continue;
      if (entry.isDirectory()) yield* this.#walk(path, prefix);
      else if (path.startsWith(prefix)) yield* this.#found(path);
    }
  }

  /** A folder that went meanwhile is empty; one that cannot be read is not: its objects would be taken for gone. */
  async #entriesOf(relative: string): Promise<Dirent[]> {
    try {
      return await readdir(join(this.#root, ...relative.split('/')), { withFileTypes: true });
    } catch (error) {
      if (isAbsent(error)) return [];
      throw new TransientError(`the object folder cannot be listed (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, {
        cause: error,
      });
    }
  }

  /** Files of others are no objects. */
  async *#found(path: string): AsyncIterable<ObjectStat & { key: ObjectKey }> {
    if (!isObjectKey(path)) return;
    const key = objectKey(path);
    const found = await this.stat(key);
    if (found) yield { key, ...found };
  }
}

/** Files of the incoming folder whose process is gone: no answer was given for them, so nothing is lost. */
async function sweepIncoming(incoming: string): Promise<void> {
  for (const name of await readdir(incoming)) {
    const pid = Number(name.split('-')[0]);
    if (!Number.isInteger(pid) || pid === process.pid || !isAlive(pid)) await unlink(join(incoming, name)).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** As the name stands in a key: `src-2/` comes before `src/`. */
const inKey = (entry: Dirent): string => (entry.isDirectory() ? `${entry.name}/` : entry.name);

/** The object is there, and none of it is wanted. */
async function nothingOf(file: FileHandle): Promise<Readable> {
  await file.close();
  return Readable.from([]);
}

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

function readFailure(key: ObjectKey, error: unknown): Error {
  if (isAbsent(error)) return new ObjectMissing(`no object ${key}`, { cause: error });
  return new TransientError(`object ${key} cannot be reached (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, { cause: error });
}
