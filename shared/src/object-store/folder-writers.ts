// The threads that make objects durable: while the disk answers one, the other goes on. An upload stays with the thread it began with.
import { FolderWriter } from './folder-writer.ts';
import type { WriterPlace } from './folder-writer-thread.ts';

/** Measured on two cores: at 4, 8 and 32 associations two take a fifth to a quarter more instances a second than one; more take less at 4 and 8. Each costs 11 MiB. */
const THREADS = 2;

export class FolderWriters {
  readonly #writers: readonly FolderWriter[];

  /** A thread runs from its first upload on. */
  constructor(place: WriterPlace) {
    this.#writers = Array.from({ length: THREADS }, () => new FolderWriter(place));
  }

  /** For one more upload: of those with the least to do the first, so that one association alone needs one thread only. */
  next(): FolderWriter {
    return this.#writers.reduce((best, writer) => (writer.load < best.load ? writer : best));
  }

  /** Removes what is unfinished, and ends the threads. */
  async close(): Promise<void> {
    await Promise.all(this.#writers.map((writer) => writer.close()));
  }
}
