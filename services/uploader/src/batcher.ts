// What waits for one destination in this process: stat before routine before prior; within a lane the facilities share by weight, each oldest first.
import { type Lane, lanes } from '@causeway/shared/events/instance';
import { FairOrder } from '@causeway/shared/fair-order';

export interface Waiting {
  readonly lane: Lane;
  /** Whose it is, as the subject says. */
  readonly facility: string;
  /** Size of the object, bytes. */
  readonly size: number;
  readonly sopInstanceUid: string;
  /** It failed in company before: it is sent alone, so that it cannot take others down with it. */
  readonly alone: boolean;
}

export interface BatchLimits {
  readonly instances: number;
  /** Bytes; a single object above it goes alone. */
  readonly size: number;
}

/** A lower lane that waits gets one batch after so many of higher ones: what never ends above it must not stop it for ever. */
const MOST_PASSED_OVER = 20;
/** Facilities share the line to the destination, so turns are paid in bytes; this much beside, because an instance costs its destination something however small it is. */
const COST_PER_INSTANCE_BYTES = 32 * 1024;

export class Batcher<T extends Waiting> {
  readonly #lanes: Record<Lane, LaneQueue<T>>;
  /** Batches of higher lanes since the lane had one, while it waited. */
  readonly #passedOver: Record<Lane, number> = { stat: 0, routine: 0, prior: 0 };

  /** `weightOf`: of a facility, above 0. */
  constructor(weightOf: (facility: string) => number) {
    this.#lanes = { stat: new LaneQueue(weightOf), routine: new LaneQueue(weightOf), prior: new LaneQueue(weightOf) };
  }

  get size(): number {
    return lanes.reduce((sum, lane) => sum + this.#lanes[lane].size, 0);
  }

  add(item: T): void {
    this.#lanes[item.lane].add(item);
  }

  /**
   * The next batch, from one lane only: a stat instance never waits for the answer to a request full of priors. No batch holds one
   * SOP Instance UID twice, because the answer tells instances apart by it. Empty when nothing waits.
   */
  take(limits: BatchLimits): T[] {
    const lane = this.#nextLane();
    return lane === undefined ? [] : this.#lanes[lane].take(limits);
  }

  /** Everything that waits, most urgent first, left where it is. */
  upcoming(): T[] {
    return lanes.flatMap((lane) => this.#lanes[lane].all());
  }

  /** Takes everything out. */
  clear(): T[] {
    const all = this.upcoming();
    for (const lane of lanes) this.#lanes[lane].clear();
    return all;
  }

  #nextLane(): Lane | undefined {
    const waiting = lanes.filter((lane) => this.#lanes[lane].size > 0);
    const next = waiting.findLast((lane) => this.#passedOver[lane] >= MOST_PASSED_OVER) ?? waiting[0];
    if (next === undefined) return undefined;
    for (const lane of lanes) this.#passedOver[lane] = lane !== next && waiting.includes(lane) ? this.#passedOver[lane] + 1 : 0;
    return next;
  }
}

/** One lane: a queue for each facility. */
class LaneQueue<T extends Waiting> {
  readonly #queues = new Map<string, T[]>();
  readonly #order: FairOrder;

  constructor(weightOf: (facility: string) => number) {
    this.#order = new FairOrder(weightOf);
  }

  get size(): number {
    let size = 0;
    for (const queue of this.#queues.values()) size += queue.length;
    return size;
  }

  add(item: T): void {
    const queue = this.#queues.get(item.facility);
    if (queue !== undefined) queue.push(item);
    else {
      this.#queues.set(item.facility, [item]);
      this.#order.begin(item.facility);
    }
  }

  all(): T[] {
    return [...this.#queues.values()].flat();
  }

  clear(): void {
    for (const facility of this.#queues.keys()) this.#order.end(facility);
    this.#queues.clear();
  }

  take(limits: BatchLimits): T[] {
    const batch = new Batch<T>(limits);
    const withoutFitting = new Set<string>();
    for (let facility = this.#order.next(); facility !== undefined && !batch.full; facility = this.#order.next(withoutFitting)) {
      const item = this.#takeFitting(facility, batch);
      if (item === undefined) withoutFitting.add(facility);
      else {
        batch.add(item);
        this.#order.charge(facility, item.size + COST_PER_INSTANCE_BYTES);
        if (!this.#queues.has(facility)) this.#order.end(facility);
      }
    }
    return batch.items;
  }

  #takeFitting(facility: string, batch: Batch<T>): T | undefined {
    const queue = this.#queues.get(facility)!;
    const place = queue.findIndex((item) => batch.fits(item));
    if (place === -1) return undefined;
    const [item] = queue.splice(place, 1);
    if (queue.length === 0) this.#queues.delete(facility);
    return item;
  }
}

class Batch<T extends Waiting> {
  readonly items: T[] = [];
  readonly #limits: BatchLimits;
  readonly #uids = new Set<string>();
  #size = 0;

  constructor(limits: BatchLimits) {
    this.#limits = limits;
  }

  get full(): boolean {
    return this.items.length >= this.#limits.instances || this.items[0]?.alone === true;
  }

  /** The first always does. */
  fits(item: T): boolean {
    if (this.items.length === 0) return true;
    return !item.alone && !this.#uids.has(item.sopInstanceUid) && this.#size + item.size <= this.#limits.size;
  }

  add(item: T): void {
    this.items.push(item);
    this.#uids.add(item.sopInstanceUid);
    this.#size += item.size;
  }
}
