// Cuts a data set into P-DATA-TFs of one full PDV each, without copying it (PS3.8 section 9.3.5 and Annex E).
import { encodeDataHeader } from '../upper-layer/pdu-writer.ts';

/**
 * The message control header of a fragment says whether it is the last, so a full PDV waits until more data proves that it is not.
 * Holds at most one PDV.
 */
export class DataSetPacker {
  readonly #contextId: number;
  readonly #maxFragmentBytes: number;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;

  constructor(contextId: number, maxFragmentBytes: number) {
    this.#contextId = contextId;
    this.#maxFragmentBytes = maxFragmentBytes;
  }

  /** Headers and slices to write now, in order; often none. */
  add(chunk: Buffer): Buffer[] {
    const parts: Buffer[] = [];
    let position = 0;
    while (this.#waitingBytes + chunk.length - position > this.#maxFragmentBytes) {
      const end = position + this.#maxFragmentBytes - this.#waitingBytes;
      this.#keep(chunk.subarray(position, end));
      this.#flush(parts, false);
      position = end;
    }
    this.#keep(chunk.subarray(position));
    return parts;
  }

  /** The last PDV; empty for an empty data set. */
  end(): Buffer[] {
    const parts: Buffer[] = [];
    this.#flush(parts, true);
    return parts;
  }

  #keep(slice: Buffer): void {
    if (slice.length === 0) return;
    this.#waiting.push(slice);
    this.#waitingBytes += slice.length;
  }

  #flush(parts: Buffer[], isLast: boolean): void {
    parts.push(encodeDataHeader({ contextId: this.#contextId, isCommand: false, isLast }, this.#waitingBytes), ...this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }
}
