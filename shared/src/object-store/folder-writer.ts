// The caller's side of the thread that makes objects durable: jobs go over, outcomes come back.
import { Worker } from 'node:worker_threads';
import { TransientError } from '../errors.ts';
import type { FinishedObject, Job, Outcome, Span, WriterPlace } from './folder-writer-thread.ts';

interface Waiting {
  resolve(): void;
  reject(error: Error): void;
}

/** A job as its caller says it: numbers are given here. */
type Request = Job extends infer Each ? (Each extends Job ? Omit<Each, 'id'> : never) : never;

const PROGRAM = new URL('./folder-writer-thread.ts', import.meta.url);

/** One thread: what comes together shares its syncs there. */
export class FolderWriter {
  readonly #place: WriterPlace;
  readonly #waiting = new Map<number, Waiting>();
  #thread: Worker | undefined;
  #jobs = 0;
  #uploads = 0;

  /** The thread runs from the first upload on. */
  constructor(place: WriterPlace) {
    this.#place = place;
  }

  /** Jobs that have no outcome yet. */
  get load(): number {
    return this.#waiting.size;
  }

  /** A number for one more upload. */
  begin(): number {
    return this.#uploads++;
  }

  /** Rejects with the error of the file system (`code`); then the file is removed, and the upload is over. */
  write(upload: number, spans: readonly Span[]): Promise<void> {
    return this.#ask({ kind: 'write', upload, spans });
  }

  /** Resolves when the object is durable under its target. Rejects as `write`; then nothing is visible there. */
  commit(upload: number, object: FinishedObject): Promise<void> {
    return this.#ask({ kind: 'commit', upload, ...object });
  }

  discard(upload: number): Promise<void> {
    return this.#ask({ kind: 'discard', upload });
  }

  /** Removes what is unfinished, and ends the thread. */
  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    await this.#ask({ kind: 'close' });
    await thread.terminate();
  }

  #ask(request: Request): Promise<void> {
    const id = this.#jobs++;
    const thread = this.#running();
    return new Promise((resolve, reject) => {
      if (this.#waiting.size === 0) thread.ref();
      this.#waiting.set(id, { resolve, reject });
      thread.postMessage({ id, ...request });
    });
  }

  #running(): Worker {
    if (this.#thread !== undefined) return this.#thread;
    const thread = new Worker(PROGRAM, { workerData: this.#place, name: 'folder-writer' });
    this.#thread = thread;
    thread.on('message', (outcomes: Outcome[]) => this.#settle(outcomes));
    // What was under way has an unknown outcome; the next upload begins with a new thread, whose files are its own.
    thread.on('error', (error) => this.#lost(thread, error));
    thread.on('exit', () => this.#lost(thread, new Error('the thread ended')));
    return thread;
  }

  #settle(outcomes: readonly Outcome[]): void {
    for (const { id, failure } of outcomes) {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) waiting?.resolve();
      else waiting?.reject(Object.assign(new Error(failure.message), { code: failure.code }));
    }
    if (this.#waiting.size === 0) this.#thread?.unref();
  }

  #lost(thread: Worker, cause: Error): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(new TransientError('the thread that writes objects was lost', { cause }));
  }
}
