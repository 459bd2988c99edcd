// One limited rate: bytes come to it with time, at most so many are kept, and what is sent takes its own. Over any time, no more than rate x time + what is kept goes out.

/** So much of the rate is kept for what comes at once, within these bounds; timers that come a little late lose nothing then. */
const KEPT_SECONDS = 0.25;
const LEAST_KEPT = 1_024;
const MOST_KEPT = 4 * 1_024 * 1_024;
/** What is waited for at least, as a part of what is kept: the same for all, else who needs little would always be there before who needs much. */
const LEAST_PART = 1 / 16;
/** Of very high rates: what passes within the precision of a timer. */
const TIMER_SECONDS = 0.02;

/** Bytes that may go out at once at a rate of bytes a second. */
export const burstOf = (rate: number): number => Math.max(LEAST_KEPT, Math.min(MOST_KEPT, rate * KEPT_SECONDS), rate * TIMER_SECONDS);

export class TokenBucket {
  readonly #now: () => number;
  #rate = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #at: number;

  /** Without a limit until `limit` is called. `now` in ms. */
  constructor(now: () => number) {
    this.#now = now;
    this.#at = now();
  }

  /** Bytes a second; Infinity: no limit. Holds from now on: what was kept at a higher rate is cut to what the new one keeps. */
  limit(rate: number): void {
    if (rate === this.#rate) return;
    this.#settle();
    // After a time without a limit there is nothing to fall back on.
    this.#bytes = Number.isFinite(this.#rate) && Number.isFinite(rate) ? Math.min(this.#bytes, burstOf(rate)) : 0;
    this.#rate = rate;
  }

  get isLimited(): boolean {
    return Number.isFinite(this.#rate);
  }

  /** So much is worth a wait where more is wanted. */
  get least(): number {
    return Math.max(LEAST_KEPT, burstOf(this.#rate) * LEAST_PART);
  }

  /** The most that can be taken now. */
  get available(): number {
    this.#settle();
    return this.isLimited ? this.#bytes : Number.POSITIVE_INFINITY;
  }

  /** Ms until so many bytes (no more than its burst) can be taken; 0: now. */
  msUntil(bytes: number): number {
    if (!this.isLimited) return 0;
    this.#settle();
    return this.#bytes >= bytes ? 0 : Math.ceil(((bytes - this.#bytes) / this.#rate) * 1_000);
  }

  /** To be called only when `msUntil` of as many has just been 0. */
  take(bytes: number): void {
    if (this.isLimited) this.#bytes -= bytes;
  }

  /** A clock that is set back stops it for no longer than nothing comes. */
  #settle(): void {
    const now = this.#now();
    if (this.isLimited) this.#bytes = Math.min(burstOf(this.#rate), this.#bytes + (Math.max(0, now - this.#at) / 1_000) * this.#rate);
    this.#at = now;
  }
}
