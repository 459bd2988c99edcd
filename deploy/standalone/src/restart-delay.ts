// How long to wait before a process that ended is started again: short at first, longer while it keeps ending.

const FIRST_MS = 500;
/** A process that ran this long was healthy: its next end counts as the first. */
const HEALTHY_MS = 60_000;

export class RestartDelay {
  readonly #longestMs: number;
  #next = FIRST_MS;

  constructor(longestMs: number) {
    this.#longestMs = longestMs;
  }

  /** The wait before the next start, after a run of `ranMs`. */
  after(ranMs: number): number {
    if (ranMs >= HEALTHY_MS) this.#next = FIRST_MS;
    const delay = this.#next;
    this.#next = Math.min(this.#longestMs, delay * 2);
    return delay;
  }
}
