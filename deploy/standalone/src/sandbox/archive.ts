// The archive on disk: a file for each content, and an index file of JSON lines. A file that the index does not name was never answered for.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { uuidV7 } from '@causeway/shared/brands';
import { DirectorySync } from '@causeway/shared/object-store/directory-sync';
import { InstanceIndex } from './instance-index.ts';
import { LineLog } from './line-log.ts';
import { type StoredInstance, storedInstance } from './stored-instance.ts';

const WRITE_BYTES = 1024 * 1024;
const READ_BYTES = 256 * 1024;

export class Archive {
  readonly index = new InstanceIndex();
  readonly #objects: string;
  readonly #incoming: string;
  readonly #log: LineLog;
  readonly #directories = new DirectorySync();

  private constructor(folder: string, log: LineLog) {
    this.#objects = join(folder, 'objects');
    this.#incoming = join(folder, 'incoming');
    this.#log = log;
  }

  /** Makes the folder when absent, rebuilds the index, and removes files that no index line names. One process at a time. */
  static async open(folder: string): Promise<Archive> {
    for (const name of ['objects', 'incoming']) await mkdir(join(folder, name), { recursive: true, mode: 0o700 });
    const archive = new Archive(folder, await LineLog.open(join(folder, 'index.ndjson'), { durable: true }));
    await archive.#directories.sync(folder);
    await archive.#rebuild();
    return archive;
  }

  /** A file for one instance under way. */
  async receive(): Promise<IncomingFile> {
    const path = join(this.#incoming, uuidV7());
    return new IncomingFile(path, await open(path, 'wx', 0o600));
  }

  /** Where an instance will lie: never built from text that came over the network. */
  nameFor(sopInstanceUid: string): string {
    return `${createHash('sha256').update(sopInstanceUid).digest('hex').slice(0, 32)}-${uuidV7()}.dcm`;
  }

  /** Resolves when files and index lines are durable; then they are visible. Rejects with nothing visible. */
  async commit(entries: readonly { file: IncomingFile; record: StoredInstance }[]): Promise<void> {
    const folders = new Set<string>();
    await Promise.all(entries.map((entry) => entry.file.synced));
    for (const { file, record } of entries) {
      const folder = this.#folderOf(record.file);
      await mkdir(folder, { recursive: true, mode: 0o700 });
      await rename(file.path, join(folder, record.file));
      folders.add(folder);
    }
    await Promise.all([...folders, this.#objects].map((folder) => this.#directories.sync(folder)));
    const records = entries.map((entry) => entry.record);
    await this.#log.append(records);
    for (const record of records) this.index.add(record);
  }

  /** The file as it was sent: preamble, group 2, data set. */
  read(file: string): Readable {
    return createReadStream(join(this.#folderOf(file), file), { highWaterMark: READ_BYTES });
  }

  async close(): Promise<void> {
    await this.#log.close();
    await this.#directories.close();
  }

  #folderOf(file: string): string {
    return join(this.#objects, file.slice(0, 2));
  }

  async #rebuild(): Promise<void> {
    const named = new Set<string>();
    for await (const line of this.#log.read()) {
      const record = storedInstance.parse(line);
      this.index.add(record);
      named.add(record.file);
    }
    for (const name of await readdir(this.#incoming)) await unlink(join(this.#incoming, name));
    for (const folder of await readdir(this.#objects)) {
      const files = await readdir(join(this.#objects, folder));
      for (const file of files.filter((name) => !named.has(name))) await unlink(join(this.#objects, folder, file));
    }
  }
}

/** Small chunks are gathered, so that an instance of half a megabyte costs one write. */
export class IncomingFile {
  readonly path: string;
  readonly #handle: FileHandle;
  #gathered: Buffer[] = [];
  #gatheredBytes = 0;
  #synced: Promise<void> | undefined;
  size = 0;

  constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  async write(chunk: Buffer): Promise<void> {
    this.#gathered.push(chunk);
    this.#gatheredBytes += chunk.length;
    this.size += chunk.length;
    if (this.#gatheredBytes >= WRITE_BYTES) await this.#flush();
  }

  /** Resolves when every byte is handed to the system; the sync to disk goes on, `synced` tells its end. */
  async finish(): Promise<void> {
    await this.#flush();
    this.#synced = this.#handle.datasync().finally(() => this.#handle.close());
    // Whoever commits hears of a failure; a discarded file has nobody to tell.
    this.#synced.catch(() => undefined);
  }

  get synced(): Promise<void> {
    return this.#synced ?? Promise.reject(new Error('the file is not finished'));
  }

  async discard(): Promise<void> {
    await (this.#synced ?? this.#handle.close()).catch(() => undefined);
    await unlink(this.path).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    const bytes = this.#gathered.length === 1 ? this.#gathered[0]! : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredBytes = 0;
    await this.#handle.appendFile(bytes);
  }
}
