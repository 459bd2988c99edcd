// How often something may be tried from one address: a few times at once, then at a steady pace (the generic cell rate algorithm, ITU-T I.371).

export interface Pace {
  /** Tries at once. */
  readonly burst: number;
  /** From then on one each. */
  readonly everyMs: number;
  /** Addresses that are remembered; the longest known is forgotten first. */
  readonly addresses: number;
}

export class TriesPerAddress {
  readonly #pace: Pace;
  /** When all tries of an address so far would have come, had they come at the steady pace. Ms. */
  readonly #dueBy = new Map<string, number>();

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  /** Counts a try. Returns how many ms to wait before the next is allowed; 0: this one is. One that is not allowed does not count. */
  take(address: string, now: number): number {
    const { burst, everyMs, addresses } = this.#pace;
    const due = Math.max(now, this.#dueBy.get(address) ?? now);
    const wait = due - now - (burst - 1) * everyMs;
    if (wait > 0) return wait;
    this.#dueBy.set(address, due + everyMs);
    if (this.#dueBy.size > addresses) this.#dueBy.delete(this.#dueBy.keys().next().value!);
    return 0;
  }

  /** The try was none after all. */
  giveBack(address: string): void {
    const due = this.#dueBy.get(address);
    if (due !== undefined) this.#dueBy.set(address, due - this.#pace.everyMs);
  }
}
