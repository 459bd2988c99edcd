// What waits for one destination in this process: stat before routine before prior, oldest first within a lane.
import { type Lane, lanes } from '@causeway/shared/events/instance';

export interface Waiting {
  readonly lane: Lane;
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

export class Batcher<T extends Waiting> {
  readonly #queues: Record<Lane, T[]> = { stat: [], routine: [], prior: [] };

  get size(): number {
    return lanes.reduce((sum, lane) => sum + this.#queues[lane].length, 0);
  }

  add(item: T): void {
    this.#queues[item.lane].push(item);
  }

  /**
   * The next batch, from one lane only: a stat instance never waits for the answer to a request full of priors. No batch holds one
   * SOP Instance UID twice, because the answer tells instances apart by it. Empty when nothing waits.
   */
  take(limits: BatchLimits): T[] {
    const lane = lanes.find((name) => this.#queues[name].length > 0);
    if (lane === undefined) return [];
    const { taken, left } = pick(this.#queues[lane], limits);
    this.#queues[lane] = left;
    return taken;
  }

  /** Everything that waits, most urgent first, left where it is. */
  upcoming(): T[] {
    return lanes.flatMap((lane) => this.#queues[lane]);
  }

  /** Takes everything out. */
  clear(): T[] {
    const all = this.upcoming();
    for (const lane of lanes) this.#queues[lane] = [];
    return all;
  }
}

function pick<T extends Waiting>(queue: T[], limits: BatchLimits): { taken: T[]; left: T[] } {
  const [first, ...rest] = queue as [T, ...T[]];
  if (first.alone) return { taken: [first], left: rest };
  const taken = [first];
  const left: T[] = [];
  const uids = new Set([first.sopInstanceUid]);
  let size = first.size;
  for (const item of rest) {
    const fits = taken.length < limits.instances && size + item.size <= limits.size;
    if (!fits || item.alone || uids.has(item.sopInstanceUid)) {
      left.push(item);
      continue;
    }
    taken.push(item);
    uids.add(item.sopInstanceUid);
    size += item.size;
  }
  return { taken, left };
}
