// One file of the incoming folder, while an object is written into it: past the page cache where the file system allows it, because copying 512 KB into fresh
// pages costs 0.2 ms of processor time, and up to 1.5 ms where a hypervisor has to find the pages first (measured); the last bytes, which O_DIRECT cannot write, through it.
import { closeSync, constants, fdatasyncSync, openSync, unlinkSync, writeSync, writevSync } from 'node:fs';

/** Every disk's logical block fits. */
const DIRECT_BYTES = 4096;
/** Not in Node's constants on every platform: Linux on x64; on arm64 it is another bit. */
const O_DIRECT = constants.O_DIRECT ?? 0;
/** IOV_MAX of Linux. */
const MOST_VECTORS = 1_024;

export class IncomingFile {
  readonly path: string;
  readonly #buffered: number;
  #size = 0;
  #direct: number | undefined;

  /** Makes it. Throws the error of the file system. */
  constructor(path: string) {
    this.path = path;
    this.#buffered = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY, 0o600);
    try {
      this.#direct = openDirect(path);
    } catch (error) {
      // A descriptor lost each time that there are too few would never let there be enough again.
      this.remove();
      throw error;
    }
  }

  /** Bytes written; each place is written once. */
  get size(): number {
    return this.#size;
  }

  /** `buffers` follow each other; all but the last of an object are whole blocks, and `position` is a multiple of 4096. */
  write(buffers: readonly Buffer[], position: number): void {
    const last = buffers.at(-1);
    if (last === undefined) return;
    const odd = last.length % DIRECT_BYTES;
    const even = odd === 0 ? buffers : [...buffers.slice(0, -1), last.subarray(0, last.length - odd)];
    const written = this.#writeEven(even, position);
    if (odd > 0) writeFully(this.#buffered, [last.subarray(last.length - odd)], position + written);
    this.#size += written + odd;
  }

  /** A few bytes anywhere. */
  patch(bytes: Buffer, position: number): void {
    writeFully(this.#buffered, [bytes], position);
  }

  /** After a failure nothing is known about what was written: the file must be removed, a second sync would lie. */
  sync(): void {
    fdatasyncSync(this.#buffered);
  }

  close(): void {
    for (const descriptor of [this.#buffered, this.#direct]) if (descriptor !== undefined) closeQuietly(descriptor);
    this.#direct = undefined;
  }

  remove(): void {
    this.close();
    try {
      unlinkSync(this.path);
    } catch {
      // Swept at the next start.
    }
  }

  #writeEven(buffers: readonly Buffer[], position: number): number {
    const filled = buffers.filter(({ length }) => length > 0);
    if (this.#direct === undefined) return writeFully(this.#buffered, filled, position);
    try {
      return writeFully(this.#direct, filled, position);
    } catch (error) {
      // The file system opened it so, and does not write it so.
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      closeQuietly(this.#direct);
      this.#direct = undefined;
      return writeFully(this.#buffered, filled, position);
    }
  }
}

function openDirect(path: string): number | undefined {
  if (O_DIRECT === 0) return undefined;
  try {
    return openSync(path, constants.O_WRONLY | O_DIRECT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EINVAL') return undefined;
    throw error;
  }
}

/** Synced, or given up: nothing can be lost by a close that fails. */
function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // See above.
  }
}

/** A write may take less than asked: when a disk fills up, or a signal comes. */
function writeFully(descriptor: number, buffers: readonly Buffer[], position: number): number {
  let written = 0;
  let rest = buffers;
  while (rest.length > 0) {
    const [first] = rest;
    const at = position + written;
    const count =
      rest.length === 1 ? writeSync(descriptor, first!, 0, first!.length, at) : writevSync(descriptor, rest.slice(0, MOST_VECTORS), at);
    written += count;
    rest = withoutFirst(rest, count);
  }
  return written;
}

function withoutFirst(buffers: readonly Buffer[], count: number): Buffer[] {
  let left = count;
  let index = 0;
  while (index < buffers.length && left >= buffers[index]!.length) left -= buffers[index++]!.length;
  const rest = buffers.slice(index);
  if (left > 0) rest[0] = rest[0]!.subarray(left);
  return rest;
}
