// Reads a stored object once, front to back, in pieces of the sizes that are asked for.
import type { Readable } from 'node:stream';
import { ObjectDamaged } from './unsuitable.ts';

/** A chunk of the stream is held, never more; what is asked for is copied out. */
export class SourceReader {
  readonly #stream: Readable;
  readonly #chunks: AsyncIterator<Buffer>;
  #pending: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.#stream = stream;
    this.#chunks = stream.iterator({ destroyOnReturn: true });
  }

  /** The next bytes, as they come; undefined at the end. The caller must not change them. */
  async next(): Promise<Buffer | undefined> {
    if (this.#pending.length > 0) return this.#takePending(this.#pending.length);
    const { value, done } = await this.#chunks.next();
    return done ? undefined : value;
  }

  /** Puts bytes back that were read too far. */
  unread(rest: Buffer): void {
    this.#pending = this.#pending.length === 0 ? rest : Buffer.concat([rest, this.#pending]);
  }

  /** Exactly so many bytes, in a buffer of their own. Throws ObjectDamaged when the object ends before. */
  async take(bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const taken = new Uint8Array(bytes);
    for (let filled = 0; filled < bytes; ) {
      const chunk = await this.next();
      if (chunk === undefined) throw new ObjectDamaged(`the object ends ${bytes - filled} bytes early`);
      const used = Math.min(chunk.length, bytes - filled);
      taken.set(chunk.subarray(0, used), filled);
      filled += used;
      if (used < chunk.length) this.unread(chunk.subarray(used));
    }
    return taken;
  }

  close(): void {
    this.#stream.destroy();
  }

  #takePending(bytes: number): Buffer {
    const taken = this.#pending.subarray(0, bytes);
    this.#pending = this.#pending.subarray(bytes);
    return taken;
  }
}
