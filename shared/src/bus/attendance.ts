// Who is present, told by heartbeats alone: time is counted in our own heartbeats as they come back to us, so that no clocks are compared,
// and while the broker is away nobody is taken for dead.

/** Missed in a row: then a replica counts as gone. */
export const MISSED_BEATS = 6;

export class Attendance {
  readonly #self: string;
  /** By replica, the number of our own beats heard when it was heard last. */
  readonly #lastHeard = new Map<string, number>();
  #ownBeats = 0;

  constructor(self: string) {
    this.#self = self;
    this.#lastHeard.set(self, 0);
  }

  /** Sorted, with ourselves. */
  get present(): readonly string[] {
    return [...this.#lastHeard.keys()].sort();
  }

  get hasHeardItself(): boolean {
    return this.#ownBeats > 0;
  }

  /** True when somebody came or went. */
  heard(replica: string): boolean {
    const isNew = !this.#lastHeard.has(replica);
    if (replica === this.#self) this.#ownBeats += 1;
    this.#lastHeard.set(replica, this.#ownBeats);
    return this.#forgetSilent() || isNew;
  }

  /** True when it was present. */
  left(replica: string): boolean {
    return replica !== this.#self && this.#lastHeard.delete(replica);
  }

  #forgetSilent(): boolean {
    const silent = [...this.#lastHeard].filter(([, beat]) => this.#ownBeats - beat > MISSED_BEATS);
    for (const [replica] of silent) this.#lastHeard.delete(replica);
    return silent.length > 0;
  }
}
