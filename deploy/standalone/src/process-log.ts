// The log file of one child. The child writes to the file itself, so that it can go on when the supervisor is killed; we follow, shorten and rotate.
import { closeSync, copyFileSync, existsSync, fstatSync, openSync, readSync, renameSync, truncateSync } from 'node:fs';

/** 4 files of this size a process at most. */
const MOST_BYTES = 10 * 1024 ** 2;
const KEPT = 3;
const READ_BYTES = 64 * 1024;
const FOLLOW_EVERY_MS = 500;

export interface ProcessLog {
  /** Opened for appending; the caller closes it after the child was started. */
  openForChild(): number;
  /** The last bytes written, for a message about a process that ended. */
  tail(bytes: number): string;
  stop(): void;
}

/** `onLine` gets each whole line written from now on. */
export function openProcessLog(path: string, onLine: (line: string) => void): ProcessLog {
  closeSync(openSync(path, 'a', 0o600));
  const follower = new Follower(path, onLine);
  const timer = setInterval(() => follower.look(), FOLLOW_EVERY_MS);
  timer.unref();
  return {
    openForChild: () => openSync(path, 'a', 0o600),
    tail: (bytes) => readEnd(path, bytes),
    stop: () => {
      clearInterval(timer);
      follower.look();
    },
  };
}

class Follower {
  readonly #path: string;
  readonly #onLine: (line: string) => void;
  #position: number;
  #rest = '';

  constructor(path: string, onLine: (line: string) => void) {
    this.#path = path;
    this.#onLine = onLine;
    this.#position = sizeOf(path);
  }

  /** A full disk, or a log that somebody removed, must not end the supervisor: the next look may do better. */
  look(): void {
    try {
      this.#read();
      if (this.#position > MOST_BYTES) this.#rotate();
    } catch {
      // The cause is told elsewhere (disk space) or harmless (the file is made anew at the next start).
    }
  }

  #read(): void {
    const file = openSync(this.#path, 'r');
    try {
      const size = fstatSync(file).size;
      if (size < this.#position) this.#position = 0;
      const buffer = Buffer.alloc(READ_BYTES);
      while (this.#position < size) {
        const count = readSync(file, buffer, 0, READ_BYTES, this.#position);
        if (count === 0) break;
        this.#position += count;
        this.#take(buffer.toString('utf8', 0, count));
      }
    } finally {
      closeSync(file);
    }
  }

  /** Copy and truncate: the child keeps its descriptor, which appends. A line written in between may be lost. */
  #rotate(): void {
    for (let number = KEPT - 1; number >= 1; number--)
      if (existsSync(`${this.#path}.${number}`)) renameSync(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
    copyFileSync(this.#path, `${this.#path}.1`);
    truncateSync(this.#path, 0);
    this.#position = 0;
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    // A line without an end is not kept for ever.
    this.#rest = lines.pop()!.slice(-READ_BYTES);
    for (const line of lines) this.#onLine(line);
  }
}

function readEnd(path: string, bytes: number): string {
  const file = openSync(path, 'r');
  try {
    const size = fstatSync(file).size;
    const buffer = Buffer.alloc(Math.min(bytes, size));
    readSync(file, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(file);
  }
}

function sizeOf(path: string): number {
  const file = openSync(path, 'r');
  try {
    return fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}
