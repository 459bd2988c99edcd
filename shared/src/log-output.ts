// Where log lines go: standard output, which must never hold up an image.
import { writeSync } from 'node:fs';

const STANDARD_OUTPUT = 1;

/**
 * A line that cannot be written now (disk full, reader of the pipe too slow) is dropped and counted; the count is the first line that can be
 * written again. pino's own destination waits instead, and stops the whole process for as long as the disk is full.
 */
export class LogOutput {
  readonly #write: (bytes: Buffer, from: number) => number;
  #dropped = 0;
  #broken = false;

  /** `write` answers how many bytes it took, or throws. */
  constructor(write = (bytes: Buffer, from: number): number => writeSync(STANDARD_OUTPUT, bytes, from)) {
    this.#write = write;
  }

  write(line: string): void {
    try {
      if (this.#dropped > 0 || this.#broken) this.#writeWhole(`${this.#broken ? '\n' : ''}${this.#note()}`);
      this.#dropped = 0;
      this.#writeWhole(line);
    } catch {
      this.#dropped++;
    }
  }

  #note(): string {
    if (this.#dropped === 0) return '';
    return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), dropped: this.#dropped, message: 'log lines were dropped: they could not be written' })}\n`;
  }

  /** Throws when not all of it could be written; what was written then is half a line. */
  #writeWhole(text: string): void {
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += this.#write(bytes, written);
    } finally {
      if (written > 0) this.#broken = written < bytes.length;
    }
  }
}
