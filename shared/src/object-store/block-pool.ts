// Blocks of memory that uploads fill and give back: bytes are copied here from the network's buffers, so that receiving makes no garbage, and
// all uploads of a process together hold a bounded amount (invariant 4).

/** Smaller ones cost more work for each; of larger ones, each of 200 arriving objects would hold at least two. */
export const BLOCK_BYTES = 32 * 1024;

export interface Block {
  readonly bytes: Buffer;
  fill: number;
}

export interface BlockPoolOptions {
  /** Beyond it writers are asked to wait. */
  readonly budgetBytes: number;
  /** What stays allocated when nobody uploads. */
  readonly keepBytes: number;
  /** A new block's memory, BLOCK_BYTES long [of the heap]. */
  readonly allocate?: () => Buffer;
}

export class BlockPool {
  readonly #free: Block[] = [];
  readonly #budgetBlocks: number;
  readonly #keepBlocks: number;
  readonly #allocate: () => Buffer;
  #taken = 0;

  constructor({ budgetBytes, keepBytes, allocate = () => Buffer.allocUnsafeSlow(BLOCK_BYTES) }: BlockPoolOptions) {
    this.#budgetBlocks = Math.floor(budgetBytes / BLOCK_BYTES);
    this.#keepBlocks = Math.floor(keepBytes / BLOCK_BYTES);
    this.#allocate = allocate;
  }

  get isOverBudget(): boolean {
    return this.#taken > this.#budgetBlocks;
  }

  take(): Block {
    const block = this.#free.pop() ?? { bytes: this.#allocate(), fill: 0 };
    this.#taken++;
    block.fill = 0;
    return block;
  }

  /** The caller must not touch the block afterwards. */
  give(blocks: readonly Block[]): void {
    this.#taken -= blocks.length;
    for (const block of blocks) if (this.#free.length < this.#keepBlocks) this.#free.push(block);
  }
}
