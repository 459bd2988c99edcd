// Takes a stream of chunks apart into pieces of the sizes that are asked for.
import { DicomParseError } from './parse-error.ts';

export class ByteTaker {
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Exactly so many bytes, held together. Throws DicomParseError when the stream ends before. */
  async take(bytes: number): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync(this.pass(bytes)));
  }

  /** Exactly so many bytes, as they come. Throws DicomParseError when the stream ends before. */
  async *pass(bytes: number): AsyncGenerator<Buffer> {
    for (let left = bytes; left > 0; ) {
      const chunk = await this.#next();
      if (chunk === undefined) throw new DicomParseError(`data set ends ${left} bytes before its last value does`, { offset: 0 });
      const used = Math.min(left, chunk.length);
      this.#pending = chunk.subarray(used);
      left -= used;
      yield chunk.subarray(0, used);
    }
  }

  /** Everything up to the end; undefined: it is more than `most` bytes. */
  async rest(most: number): Promise<Buffer | undefined> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) {
      bytes += chunk.length;
      if (bytes > most) return undefined;
      chunks.push(chunk);
      this.#pending = Buffer.alloc(0);
    }
    return Buffer.concat(chunks);
  }

  async #next(): Promise<Buffer | undefined> {
    while (this.#pending.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return undefined;
      this.#pending = value;
    }
    return this.#pending;
  }
}
