// How long to wait before a process that ended is started again: short at first, longer while it keeps ending.

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** A process that ran this long was healthy: its next end counts as the first. */
const HEALTHY_MS = 60_000;

export class RestartDelay {
  #next = FIRST_MS;

  /** The wait before the next start, after a run of `ranMs`. */
  after(ranMs: number): number {
    if (ranMs >= HEALTHY_MS) this.#next = FIRST_MS;
    const delay = this.#next;
    this.#next = Math.min(LONGEST_MS, delay * 2);
    return delay;
  }
}
