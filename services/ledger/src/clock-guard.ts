// Whether the clock can be trusted to say what is old. A clock that jumps makes young objects old: then nothing is deleted until it has been steady for a day.

export interface ClockGuardOptions {
  readonly now: () => number;
  /** Milliseconds that only grow, whatever is done to the clock. */
  readonly steady: () => number;
}

/** Two clocks that are kept by NTP agree within a second; a step of the clock by hand, or a machine that was asleep, is more. */
const MOST_APART_MS = 60_000;
export const STEADY_FOR_MS = 24 * 3_600_000;
const DAY_MS = 86_400_000;
/** A clock may jump while the ledger is off (a machine whose battery is empty). A gateway that was away, or received nothing, for longer deletes a day later: that is harmless. */
const MOST_AWAY_DAYS = 3;

export class ClockGuard {
  readonly #options: ClockGuardOptions;
  /** How far the clock was ahead of the one that only grows, at the last look. */
  #offset: number;
  #jumpedAt: number | undefined;
  #because = '';
  #looks = 0;

  constructor(options: ClockGuardOptions) {
    this.#options = options;
    this.#offset = options.now() - options.steady();
  }

  /** undefined: it can be trusted. `databaseNow`: what PostgreSQL's clock says at this moment; `lastKnown`: the last day on which something was received, if ever. */
  distrust(databaseNow: Date, lastKnown?: Date): string | undefined {
    const { now, steady } = this.#options;
    const offset = now() - steady();
    if (Math.abs(offset - this.#offset) > MOST_APART_MS) this.#jumped('the clock has jumped');
    // Slow corrections are none.
    this.#offset = offset;
    const unknownDays = lastKnown === undefined ? 0 : Math.floor((now() - lastKnown.getTime()) / DAY_MS);
    this.#looks += 1;
    if (this.#looks === 1 && unknownDays > MOST_AWAY_DAYS)
      this.#jumped(`nothing is known of the last ${unknownDays} days: the gateway was off, or the clock has jumped; found`);
    const apart = now() - databaseNow.getTime();
    if (Math.abs(apart) > MOST_APART_MS) return `the clock and that of the database are ${seconds(apart)} apart`;
    if (this.#jumpedAt === undefined) return undefined;
    const since = steady() - this.#jumpedAt;
    if (since >= STEADY_FOR_MS) this.#jumpedAt = undefined;
    return this.#jumpedAt === undefined ? undefined : `${this.#because} ${seconds(since)} ago`;
  }

  #jumped(because: string): void {
    this.#jumpedAt = this.#options.steady();
    this.#because = because;
  }
}

const seconds = (milliseconds: number): string => `${Math.round(Math.abs(milliseconds) / 1_000)} s`;
