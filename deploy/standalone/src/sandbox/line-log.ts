// An append-only file of JSON lines. Lines that are appended while one write is under way go with the next, and share its fdatasync (group commit).
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

const MAX_LINE_BYTES = 64 * 1024;

export class LineLog {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #durable: boolean;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;
  #lastWrite: Promise<void> = Promise.resolve();
  /** Bytes of the lines that were written as a whole. */
  #size: number;
  /** A write failed: what lies beyond `#size` is half a line. */
  #torn = false;

  private constructor(path: string, file: FileHandle, options: { durable: boolean; size: number }) {
    this.#path = path;
    this.#file = file;
    this.#durable = options.durable;
    this.#size = options.size;
  }

  /** A last line without line end was cut by a kill before anybody was told of it: it is removed. `durable`: synced before `append` resolves. */
  static async open(path: string, options: { durable: boolean }): Promise<LineLog> {
    const file = await open(path, 'a+', 0o600);
    const { size } = await file.stat();
    const whole = await endOfLastLine(file, size);
    if (whole < size) await file.truncate(whole);
    return new LineLog(path, file, { ...options, size: whole });
  }

  /** Resolves when the lines are written (and synced, when durable). Rejects when the disk refuses; then none of them is there. */
  append(values: readonly unknown[]): Promise<void> {
    if (values.length === 0) return Promise.resolve();
    this.#waiting.push(...values.map((value) => `${JSON.stringify(value)}\n`));
    this.#writing ??= this.#lastWrite.catch(() => undefined).then(() => this.#writeWaiting());
    return this.#writing;
  }

  async #writeWaiting(): Promise<void> {
    const text = this.#waiting.join('');
    this.#waiting = [];
    this.#lastWrite = this.#writing!;
    this.#writing = undefined;
    if (this.#torn) await this.#removeTorn();
    try {
      await this.#file.appendFile(text);
      if (this.#durable) await this.#file.datasync();
      this.#size += Buffer.byteLength(text);
    } catch (error) {
      this.#torn = true;
      await this.#removeTorn().catch(() => undefined);
      throw error;
    }
  }

  async #removeTorn(): Promise<void> {
    await this.#file.truncate(this.#size);
    this.#torn = false;
  }

  /** Every line from the beginning. Throws when one is not JSON, with its number. */
  async *read(): AsyncGenerator<unknown> {
    let number = 0;
    for await (const line of createInterface({ input: this.stream(), crlfDelay: Number.POSITIVE_INFINITY })) {
      number += 1;
      try {
        yield JSON.parse(line);
      } catch (error) {
        throw new Error(`${this.#path}, line ${number}: not JSON`, { cause: error });
      }
    }
  }

  /** The bytes of every whole line, as they lie on disk. */
  stream(): NodeJS.ReadableStream {
    return this.#size === 0 ? Readable.from([]) : createReadStream(this.#path, { end: this.#size - 1 });
  }

  async clear(): Promise<void> {
    await this.#settled();
    this.#size = 0;
    await this.#removeTorn();
  }

  async close(): Promise<void> {
    await this.#settled();
    await this.#file.close();
  }

  async #settled(): Promise<void> {
    await (this.#writing ?? this.#lastWrite).catch(() => undefined);
  }
}

async function endOfLastLine(file: FileHandle, size: number): Promise<number> {
  const tail = Buffer.alloc(Math.min(size, MAX_LINE_BYTES));
  await file.read(tail, 0, tail.length, size - tail.length);
  const at = tail.lastIndexOf('\n');
  if (at < 0 && size > MAX_LINE_BYTES) throw new Error(`a last line of more than ${MAX_LINE_BYTES} bytes`);
  return at < 0 ? 0 : size - tail.length + at + 1;
}
