// A limit shared by all lanes: units are handed out by priority, then to the facilities in turn by weight, then in order of asking.
import { NO_FACILITY } from '@causeway/shared/events/flow';
import { FairOrder } from '@causeway/shared/fair-order';

/** Gives its units back; calling it again does nothing. */
export type Release = () => void;

export interface SemaphoreLimits {
  readonly capacity: number;
  /** Units that only priority 0 may take, so that it need not wait for long work of the others [0]. */
  readonly reserved?: number;
  /** Of a facility, above 0 [1]. */
  readonly weightOf?: (facility: string) => number;
}

/** Whose turn it is, and what it costs in any one unit, above 0. */
export interface Turn {
  readonly facility: string;
  readonly cost: number;
}

/** What an instance costs beside the bytes that are read and compressed. */
const COST_PER_INSTANCE_BYTES = 32 * 1024;

/** Of an instance: facilities pay in bytes. */
export const turnOf = ({ size }: { readonly size: number }, facility: string = NO_FACILITY): Turn => ({
  facility,
  cost: size + COST_PER_INSTANCE_BYTES,
});

interface Waiter {
  readonly units: number;
  readonly priority: number;
  readonly turn: Turn;
  readonly admit: () => void;
  readonly reject: (reason: Error) => void;
}

/** Of those that say nothing about themselves: they are served in order of asking. */
const ANYBODY: Turn = { facility: '', cost: 1 };

/** Lower number: sooner. A request larger than the whole capacity is admitted when nothing else is held. */
export class PrioritySemaphore {
  readonly #limits: Required<SemaphoreLimits>;
  /** By priority, lowest number first. */
  #lines: Line[] = [];
  #held = 0;
  #refusal: Error | undefined;

  constructor({ capacity, reserved = 0, weightOf = () => 1 }: SemaphoreLimits) {
    if (reserved >= capacity) throw new Error(`reserved ${reserved} leaves nothing of ${capacity}`);
    this.#limits = { capacity, reserved, weightOf };
  }

  get held(): number {
    return this.#held;
  }

  get waiting(): number {
    return this.#lines.reduce((sum, line) => sum + line.length, 0);
  }

  /** Resolves when `units` are held for the caller; throws after `refuse`. */
  async acquire(units: number, priority: number, turn: Turn = ANYBODY): Promise<Release> {
    if (this.#refusal !== undefined) throw this.#refusal;
    await new Promise<void>((admit, reject) => {
      this.#lineOf(priority).add({ units, priority, turn, admit, reject });
      this.#admitWaiters();
    });
    return this.#releaseOf(units);
  }

  /** From now on nothing is admitted: what waits fails with `reason`; what is held goes on. */
  refuse(reason: Error): void {
    this.#refusal = reason;
    const lines = this.#lines;
    this.#lines = [];
    for (const line of lines) for (const { reject } of line.all()) reject(reason);
  }

  #lineOf(priority: number): Line {
    const known = this.#lines.find((line) => line.priority === priority);
    if (known !== undefined) return known;
    const line = new Line(priority, this.#limits.weightOf);
    this.#lines = [...this.#lines, line].sort((one, other) => one.priority - other.priority);
    return line;
  }

  /** Strictly in order: a large request at the head is not starved by small ones behind it. */
  #admitWaiters(): void {
    for (let line = this.#first(); line !== undefined; line = this.#first()) {
      if (!this.#fits(line.head!)) return;
      const next = line.take();
      this.#held += next.units;
      next.admit();
    }
  }

  #first(): Line | undefined {
    return this.#lines.find((line) => line.length > 0);
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

/** Those of one priority: a queue for each facility. */
class Line {
  readonly priority: number;
  readonly #order: FairOrder;
  readonly #queues = new Map<string, Waiter[]>();

  constructor(priority: number, weightOf: (facility: string) => number) {
    this.priority = priority;
    this.#order = new FairOrder(weightOf);
  }

  get length(): number {
    let length = 0;
    for (const queue of this.#queues.values()) length += queue.length;
    return length;
  }

  get head(): Waiter | undefined {
    const facility = this.#order.next();
    return facility === undefined ? undefined : this.#queues.get(facility)![0];
  }

  all(): Waiter[] {
    return [...this.#queues.values()].flat();
  }

  add(waiter: Waiter): void {
    const { facility } = waiter.turn;
    const queue = this.#queues.get(facility) ?? [];
    queue.push(waiter);
    this.#queues.set(facility, queue);
    this.#order.begin(facility);
  }

  /** Only while somebody waits. */
  take(): Waiter {
    const facility = this.#order.next()!;
    const queue = this.#queues.get(facility)!;
    const waiter = queue.shift()!;
    this.#order.charge(facility, waiter.turn.cost);
    if (queue.length === 0) {
      this.#queues.delete(facility);
      this.#order.end(facility);
    }
    return waiter;
  }
}
