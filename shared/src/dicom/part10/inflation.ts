// Inflates a deflated data set as it streams by (PS3.5 Annex A.5, RFC 1951), holding no more than zlib's window and a few chunks.
import { createInflateRaw, type InflateRaw } from 'node:zlib';
import { DicomParseError } from './parse-error.ts';

const CHUNK_BYTES = 64 * 1024;
/** One byte of padding (PS3.5 Annex A.5), or the checksum and size of the gzip format (RFC 1952), which some writers leave behind the stream. */
const MAX_TRAILING_BYTES = 9;

/** Hands every inflated chunk to `take`, which may throw. One write at a time. Failures are DicomParseErrors or what `take` threw. */
export class Inflation {
  readonly #inflate: InflateRaw = createInflateRaw({ chunkSize: CHUNK_BYTES });
  readonly #take: (chunk: Buffer) => void;
  readonly #limitBytes: number;
  readonly #settled: Promise<void>;
  #failure?: Error;
  #ended = false;
  #deflatedBytes = 0;
  #inflatedBytes = 0;

  constructor(take: (chunk: Buffer) => void, limitBytes: number) {
    this.#take = take;
    this.#limitBytes = limitBytes;
    this.#settled = new Promise((resolve) => {
      this.#inflate.on('end', resolve).on('close', resolve);
      this.#inflate.on('error', (error) => {
        this.#failure ??= new DicomParseError(`not a whole deflate stream (${error.message})`, { offset: this.#inflatedBytes });
        resolve();
      });
    });
    this.#inflate.on('end', () => {
      this.#ended = true;
    });
    this.#inflate.on('data', (chunk: Buffer) => this.#pass(chunk));
  }

  async write(chunk: Buffer): Promise<void> {
    this.#deflatedBytes += chunk.length;
    if (!this.#ended && this.#failure === undefined) {
      // A copy: zlib reads it when the caller's is used again. It never calls back for a write in which the stream ends or fails: `settled` does.
      await Promise.race([new Promise<unknown>((resolve) => this.#inflate.write(Buffer.from(chunk), resolve)), this.#settled]);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  async end(): Promise<void> {
    if (!this.#ended && this.#failure === undefined) {
      this.#inflate.end();
      await this.#settled;
    }
    if (this.#failure !== undefined) throw this.#failure;
    const trailing = this.#deflatedBytes - this.#inflate.bytesWritten;
    if (trailing > MAX_TRAILING_BYTES)
      throw new DicomParseError(`${trailing} bytes after the deflate stream`, { offset: this.#inflatedBytes });
  }

  #pass(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    this.#inflatedBytes += chunk.length;
    try {
      if (this.#inflatedBytes > this.#limitBytes) {
        throw new DicomParseError(`data set inflates to more than ${this.#limitBytes} bytes`, { offset: this.#inflatedBytes });
      }
      this.#take(chunk);
    } catch (error) {
      this.#failure = error as Error;
      this.#inflate.destroy();
    }
  }
}
