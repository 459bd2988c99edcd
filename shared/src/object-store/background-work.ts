// Small pieces of work that nobody waits for: each is tried a few times with growing pauses, and then left to the sweeps.
import { setTimeout } from 'node:timers/promises';

/** 1, 2, 4 ... 32 s: a store that restarts is back by then. */
const FIRST_PAUSE_MS = 1_000;
const MOST_TRIES = 7;
/** While a store is away for long, every upload leaves one: what is beyond is left to the sweeps at once. */
const MOST_AT_A_TIME = 1_000;

export class BackgroundWork {
  readonly #stopped = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #leftUndone: (what: string, error: unknown) => void;

  constructor(leftUndone: (what: string, error: unknown) => void) {
    this.#leftUndone = leftUndone;
  }

  /** `afterMs`: the first try is made then, or at `stop`. */
  add(what: string, work: () => Promise<void>, afterMs = 0): void {
    if (this.#running.size >= MOST_AT_A_TIME || this.#stopped.signal.aborted) {
      this.#leftUndone(what, new Error('too much else is to be tidied up'));
      return;
    }
    const running = this.#try(what, work, afterMs).finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  /** No further tries. Resolves when nothing runs. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running);
  }

  async #try(what: string, work: () => Promise<void>, afterMs: number): Promise<void> {
    if (afterMs > 0) await this.#pause(afterMs);
    for (let tries = 1; ; tries++) {
      try {
        return await work();
      } catch (error) {
        if (tries >= MOST_TRIES || this.#stopped.signal.aborted) return this.#leftUndone(what, error);
        await this.#pause(FIRST_PAUSE_MS * 2 ** (tries - 1));
      }
    }
  }

  /** Ends early at `stop`; keeps no process alive. */
  async #pause(ms: number): Promise<void> {
    await setTimeout(ms, undefined, { ref: false, signal: this.#stopped.signal }).catch(() => {});
  }
}
