// Bytes of one upload in blocks of the common pool: appended as they come, changed in place, and given back at the end.
import { BLOCK_BYTES, type Block, type BlockPool } from './block-pool.ts';

export class HeldBytes {
  readonly #pool: BlockPool;
  #blocks: Block[] = [];
  #size = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  get size(): number {
    return this.#size;
  }

  /** Copies. */
  append(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const block = this.#blockWithRoom();
      const copied = chunk.copy(block.bytes, block.fill, at);
      block.fill += copied;
      at += copied;
    }
    this.#size += chunk.length;
  }

  /** Overwrites bytes that are held, from the position on. */
  patch(position: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const block = this.#blocks[Math.floor((position + at) / BLOCK_BYTES)]!;
      at += bytes.copy(block.bytes, (position + at) % BLOCK_BYTES, at);
    }
  }

  /** Valid until `release`. */
  buffers(): Buffer[] {
    return this.#blocks.map(({ bytes, fill }) => bytes.subarray(0, fill));
  }

  /** Hands over everything held: the caller writes it elsewhere and calls `release` of the result. */
  take(): HeldBytes {
    const taken = new HeldBytes(this.#pool);
    taken.#blocks = this.#blocks;
    taken.#size = this.#size;
    this.#blocks = [];
    this.#size = 0;
    return taken;
  }

  release(): void {
    this.#pool.give(this.#blocks);
    this.#blocks = [];
    this.#size = 0;
  }

  #blockWithRoom(): Block {
    const last = this.#blocks.at(-1);
    if (last && last.fill < BLOCK_BYTES) return last;
    const block = this.#pool.take();
    this.#blocks.push(block);
    return block;
  }
}
