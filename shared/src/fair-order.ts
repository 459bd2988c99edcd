// Whose turn it is among those that compete for one thing, in proportion to their weights: start-time fair queueing (Goyal, Vin, Cheng, 1996).
// Each has a virtual time at which its next turn starts; the earliest goes first, and pays its cost divided by its weight.

export class FairOrder {
  readonly #weightOf: (name: string) => number;
  /** When the next turn of each that waits starts. */
  readonly #waiting = new Map<string, number>();
  /** Of those that stopped waiting: what they had taken ahead of the others is not forgotten while it matters. */
  readonly #idle = new Map<string, number>();
  /** Start of the latest turn. Who was idle starts from here: waiting for nothing earns no credit. */
  #now = 0;

  /** `weightOf`: above 0; asked at each turn, so that it may change. */
  constructor(weightOf: (name: string) => number) {
    this.#weightOf = weightOf;
  }

  /** It has something waiting from now on. */
  begin(name: string): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.set(name, Math.max(this.#idle.get(name) ?? 0, this.#now));
    this.#idle.delete(name);
  }

  /** It has nothing waiting any more. */
  end(name: string): void {
    const start = this.#waiting.get(name);
    if (start === undefined) return;
    this.#waiting.delete(name);
    this.#idle.set(name, start);
    for (const [other, owed] of this.#idle) if (owed <= this.#now) this.#idle.delete(other);
  }

  /** Who goes first, but for those passed over; undefined when nobody else waits. On a tie who began first. */
  next(passedOver?: ReadonlySet<string>): string | undefined {
    let first: string | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const [name, start] of this.#waiting) {
      if (start >= earliest || passedOver?.has(name)) continue;
      first = name;
      earliest = start;
    }
    return first;
  }

  /** A turn was given to one that waits. `cost` in any unit, above 0, the same unit for all. */
  charge(name: string, cost: number): void {
    const start = this.#waiting.get(name)!;
    this.#now = Math.max(this.#now, start);
    this.#waiting.set(name, start + cost / this.#weightOf(name));
  }
}
