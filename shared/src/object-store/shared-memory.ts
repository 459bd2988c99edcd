// Memory that two threads see and that begins at a page: what O_DIRECT asks for, and no Buffer of the heap has.
import { TransientError } from '../errors.ts';

/** It grows so much at a time; what was once taken stays. */
const GROWTH_BYTES = 1024 * 1024;

export class SharedMemory {
  /** Handed to a thread as it is: the thread sees every growth. */
  readonly bytes: SharedArrayBuffer;
  #used = 0;

  /** `mostBytes` reserves addresses, not memory. */
  constructor(mostBytes: number) {
    this.bytes = new SharedArrayBuffer(0, { maxByteLength: mostBytes });
  }

  /** `length`: a multiple of 4096. The `byteOffset` of what is given is its place in the memory. Throws TransientError when `mostBytes` are used. */
  allocate(length: number): Buffer {
    const end = this.#used + length;
    if (end > this.bytes.maxByteLength) throw new TransientError(`all ${this.#used} bytes for arriving objects are in use`);
    if (end > this.bytes.byteLength)
      this.bytes.grow(Math.min(this.bytes.maxByteLength, Math.max(end, this.bytes.byteLength + GROWTH_BYTES)));
    const allocated = Buffer.from(this.bytes, this.#used, length);
    this.#used = end;
    return allocated;
  }
}
