// A limit shared by all lanes: units are handed out by priority, then in order of asking.

/** Gives its units back; calling it again does nothing. */
export type Release = () => void;

export interface SemaphoreLimits {
  readonly capacity: number;
  /** Units that only priority 0 may take, so that it need not wait for long work of the others [0]. */
  readonly reserved?: number;
}

interface Waiter {
  readonly units: number;
  readonly priority: number;
  readonly admit: () => void;
  readonly reject: (reason: Error) => void;
}

/** Lower number: sooner. A request larger than the whole capacity is admitted when nothing else is held. */
export class PrioritySemaphore {
  readonly #limits: Required<SemaphoreLimits>;
  readonly #waiters: Waiter[] = [];
  #held = 0;
  #refusal: Error | undefined;

  constructor({ capacity, reserved = 0 }: SemaphoreLimits) {
    if (reserved >= capacity) throw new Error(`reserved ${reserved} leaves nothing of ${capacity}`);
    this.#limits = { capacity, reserved };
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  /** Resolves when `units` are held for the caller; throws after `refuse`. */
  async acquire(units: number, priority: number): Promise<Release> {
    if (this.#refusal !== undefined) throw this.#refusal;
    await new Promise<void>((admit, reject) => {
      this.#enqueue({ units, priority, admit, reject });
      this.#admitWaiters();
    });
    return this.#releaseOf(units);
  }

  /** From now on nothing is admitted: what waits fails with `reason`; what is held goes on. */
  refuse(reason: Error): void {
    this.#refusal = reason;
    for (const { reject } of this.#waiters.splice(0)) reject(reason);
  }

  #enqueue(waiter: Waiter): void {
    const behind = this.#waiters.findIndex((other) => other.priority > waiter.priority);
    this.#waiters.splice(behind === -1 ? this.#waiters.length : behind, 0, waiter);
  }

  /** Strictly in order: a large request at the head is not starved by small ones behind it. */
  #admitWaiters(): void {
    for (let head = this.#waiters[0]; head !== undefined && this.#fits(head); head = this.#waiters[0]) {
      this.#waiters.shift();
      this.#held += head.units;
      head.admit();
    }
  }

  #fits({ units, priority }: Waiter): boolean {
    const limit = priority === 0 ? this.#limits.capacity : this.#limits.capacity - this.#limits.reserved;
    return this.#held === 0 || this.#held + units <= limit;
  }

  #releaseOf(units: number): Release {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#held -= units;
      this.#admitWaiters();
    };
  }
}
