// The thread that makes objects durable. Everything an object needs is done here in one turn, without waking anybody in between: data written, data synced,
// renamed, directory synced. Jobs that came together share the sync of their directory (group commit).
import { renameSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { uuidV7 } from '../brands.ts';
import { DurableFolders, SyncedFolder } from './durable-folders.ts';
import { IncomingFile } from './incoming-file.ts';

/** Bytes of the shared memory, and where they go in the file. */
export interface Span {
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}

export interface Patch {
  readonly position: number;
  readonly bytes: Uint8Array;
}

export interface FinishedObject {
  /** What was not written yet. */
  readonly spans: readonly Span[];
  readonly patches: readonly Patch[];
  /** Path of the object. */
  readonly target: string;
  /** Of the whole object: when another number of bytes was written, it is not made visible. */
  readonly size: number;
}

interface JobHead {
  readonly id: number;
  readonly upload: number;
}

export type Job =
  | (JobHead & { readonly kind: 'write'; readonly spans: readonly Span[] })
  | (JobHead & FinishedObject & { readonly kind: 'commit' })
  | (JobHead & { readonly kind: 'discard' })
  | { readonly id: number; readonly kind: 'close' };

/** Those that renames of one turn went into, by path. */
type OpenFolders = Map<string, SyncedFolder>;

type Commit = Extract<Job, { kind: 'commit' }>;

/** `failure`: the error's code, and its words; absent: done. */
export interface Outcome {
  readonly id: number;
  readonly failure?: { readonly code: string; readonly message: string };
}

export interface WriterPlace {
  readonly root: string;
  readonly incoming: string;
  readonly memory: SharedArrayBuffer;
}

/** Creating a file costs 0.1 to 1.3 ms on ext4 (measured), which would stand between a modality and its answer: so many are made ahead. */
const READY_FILES = 16;
/** What comes together is answered together; beyond this, the first would wait for too many others. */
const MOST_TOGETHER = 32;

export class FolderWriterThread {
  readonly #place: WriterPlace;
  readonly #folders: DurableFolders;
  readonly #files = new Map<number, IncomingFile>();
  readonly #ready: IncomingFile[] = [];

  constructor(place: WriterPlace) {
    this.#place = place;
    this.#folders = new DurableFolders(place.root);
  }

  run(jobs: readonly Job[]): Outcome[] {
    const failures = new Map<number, unknown>();
    const attempt = (id: number, work: () => void): boolean => {
      try {
        work();
        return true;
      } catch (error) {
        failures.set(id, error);
        return false;
      }
    };
    const commits = jobs.filter((job) => attempt(job.id, () => this.#take(job))).filter((job) => job.kind === 'commit');
    const folders: OpenFolders = new Map();
    const published = commits.filter((job) => attempt(job.id, () => this.#publish(job, folders)));
    for (const [folder, together] of Map.groupBy(published, ({ target }) => dirname(target))) {
      const failure = failureOfSync(folders.get(folder)!);
      // What cannot be made durable is not left visible.
      if (failure) for (const job of together) attempt(job.id, () => unmake(job.target, failure));
    }
    for (const folder of folders.values()) folder.close();
    for (const job of jobs) if (failures.has(job.id) && job.kind !== 'close') this.#remove(job.upload);
    return jobs.map(({ id }) => ({ id, ...failureOf(failures.get(id)) }));
  }

  /** For the next objects, while nobody waits. A full or broken disk is told to whoever needs a file. */
  openAhead(): void {
    try {
      while (this.#ready.length < READY_FILES) this.#ready.push(this.#newFile());
    } catch {
      // See above.
    }
  }

  #take(job: Job): void {
    if (job.kind === 'close') this.#close();
    else if (job.kind === 'discard') this.#remove(job.upload);
    else this.#write(job);
  }

  #write({ upload, spans }: JobHead & { spans: readonly Span[] }): void {
    const file = this.#files.get(upload) ?? this.#ready.pop() ?? this.#newFile();
    this.#files.set(upload, file);
    for (const run of runsOf(spans)) {
      const buffers = run.map(({ offset, length }) => Buffer.from(this.#place.memory, offset, length));
      file.write(buffers, run[0]!.position);
    }
  }

  #publish({ upload, patches, target, size }: Commit, folders: OpenFolders): void {
    const file = this.#files.get(upload)!;
    // The thread before this one was lost, and what it had written with it.
    if (file.size !== size) throw new Error(`${file.size} of ${size} bytes were written`);
    for (const { position, bytes } of patches) file.patch(Buffer.from(bytes), position);
    file.sync();
    this.#rename(file.path, target, folders);
    this.#files.delete(upload);
    file.close();
  }

  #rename(path: string, target: string, folders: OpenFolders): void {
    try {
      this.#open(dirname(target), folders);
      renameSync(path, target);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      // Somebody removed the folder since it was made: it is made once more.
      this.#folders.forget();
      folders.get(dirname(target))?.close();
      folders.delete(dirname(target));
      this.#open(dirname(target), folders);
      renameSync(path, target);
    }
  }

  #open(folder: string, folders: OpenFolders): void {
    if (folders.has(folder)) return;
    this.#folders.make(folder);
    folders.set(folder, new SyncedFolder(folder));
  }

  #remove(upload: number): void {
    this.#files.get(upload)?.remove();
    this.#files.delete(upload);
  }

  #close(): void {
    for (const file of [...this.#ready.splice(0), ...this.#files.values()]) file.remove();
    this.#files.clear();
  }

  /** The name tells whose it is, so that the sweep at a start spares the living. */
  #newFile(): IncomingFile {
    return new IncomingFile(join(this.#place.incoming, `${process.pid}-${uuidV7()}`));
  }
}

/** Spans that follow each other in the file go in one system call. */
function runsOf(spans: readonly Span[]): Span[][] {
  const runs: Span[][] = [];
  let end = -1;
  for (const span of spans) {
    if (span.position === end) runs.at(-1)!.push(span);
    else runs.push([span]);
    end = span.position + span.length;
  }
  return runs;
}

function failureOfSync(folder: SyncedFolder): unknown {
  try {
    folder.sync();
    return undefined;
  } catch (error) {
    return error;
  }
}

function unmake(path: string, because: unknown): never {
  try {
    unlinkSync(path);
  } catch {
    // The file system is broken; the answer says so.
  }
  throw because;
}

function failureOf(error: unknown): Pick<Outcome, 'failure'> {
  if (error === undefined) return {};
  const { code = 'unknown', message } = error as NodeJS.ErrnoException;
  return { failure: { code, message } };
}

function serve(port: MessagePort, place: WriterPlace): void {
  const thread = new FolderWriterThread(place);
  port.on('message', (first: Job) => {
    const jobs = [first];
    while (jobs.length < MOST_TOGETHER) {
      const next = receiveMessageOnPort(port) as { message: Job } | undefined;
      if (next === undefined) break;
      jobs.push(next.message);
    }
    port.postMessage(thread.run(jobs));
    if (jobs.some(({ kind }) => kind === 'close')) port.close();
    else thread.openAhead();
  });
}

if (parentPort !== null && workerData?.incoming !== undefined) serve(parentPort, workerData as WriterPlace);
