// A timer for silence that costs nothing per event: the last activity is a stamp, looked at when the timer fires.

export interface InactivityTimerOptions {
  /** 0: never expires. */
  readonly limitMs: number;
  /** When something last happened, on the clock of `now`. */
  readonly lastActivityAt: () => number;
  /** True while the silence is not the peer's fault; it then starts to count anew. */
  readonly isExempt: () => boolean;
  /** Called once. */
  readonly onExpired: () => void;
  /** ms, monotonic. */
  readonly now?: () => number;
}

/** Runs from construction until `stop` or expiry. Expires between limitMs and limitMs plus one timer tick after the last activity. */
export class InactivityTimer {
  readonly #options: InactivityTimerOptions;
  readonly #now: () => number;
  #exemptUntil: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: InactivityTimerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
    this.#exemptUntil = this.#now();
    if (options.limitMs > 0) this.#arm(options.limitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(ms: number): void {
    this.#timer = setTimeout(() => this.#check(), Math.max(1, Math.ceil(ms)));
  }

  #check(): void {
    const now = this.#now();
    if (this.#options.isExempt()) this.#exemptUntil = now;
    const since = Math.max(this.#exemptUntil, this.#options.lastActivityAt());
    const left = since + this.#options.limitMs - now;
    if (left > 0) this.#arm(left);
    else {
      this.#timer = undefined;
      this.#options.onExpired();
    }
  }
}
