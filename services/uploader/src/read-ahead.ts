// Reads the first chunk of a source before anybody asks for it, and keeps the error that the source ended with apart from those of its reader.

/** Iterated once. */
export interface ReadAhead extends AsyncIterable<Buffer> {
  /** What the source failed with, as soon as it has. */
  readonly error: unknown;
  /** The error, if the source fails before its first chunk; undefined when it has one, or is empty. */
  failsAtOnce(): Promise<unknown>;
  /** Ends the source; nothing to do when it has ended. */
  close(): void;
}

export function readAhead(source: AsyncGenerator<Buffer>): ReadAhead {
  return new FirstChunkRead(source);
}

class FirstChunkRead implements ReadAhead {
  readonly #source: AsyncGenerator<Buffer>;
  #next: Promise<IteratorResult<Buffer>>;
  error: unknown;

  constructor(source: AsyncGenerator<Buffer>) {
    this.#source = source;
    this.#next = this.#read();
    // Whoever reads is told of it; that nobody may ever read is no unhandled rejection.
    this.#next.catch(() => {});
  }

  failsAtOnce(): Promise<unknown> {
    return this.#next.then(
      () => undefined,
      (error: unknown) => error,
    );
  }

  close(): void {
    // A generator returns after what it is doing: that it then fails is of no interest.
    void this.#source.return(undefined).catch(() => {});
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for (let result = await this.#next; result.done !== true; result = await this.#next) {
      yield result.value;
      this.#next = this.#read();
    }
  }

  async #read(): Promise<IteratorResult<Buffer>> {
    try {
      return await this.#source.next();
    } catch (error) {
      this.error = error;
      throw error;
    }
  }
}
