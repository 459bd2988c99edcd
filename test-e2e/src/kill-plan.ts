// Which process is killed after how many accepted instances: drawn from a seed, so that a run can be had again.
import { seededRandom } from '../../deploy/standalone/src/send/synthetic-image.ts';

/** The supervisor and all its processes at once, as a power cut would. */
export const WHOLE_GATEWAY = 'the whole gateway';
export const SERVICES = ['receiver', 'compressor', 'router', 'uploader', 'retriever', 'ledger', 'console'];
export const STORES = ['nats-server', 'postgres', 'sandbox'];

export interface Kill {
  readonly victim: string;
  /** Accepted instances, all senders together. */
  readonly afterAccepted: number;
  /** A little later, so that no step of the way is favoured, ms. */
  readonly delayMs: number;
}

export interface KillPlanOptions {
  readonly victims: readonly string[];
  readonly kills: number;
  readonly instances: number;
  readonly seed: number;
}

const MOST_DELAY_MS = 400;

/** In order of time. Every victim has its turn before one has a second. */
export function planKills({ victims, kills, instances, seed }: KillPlanOptions): Kill[] {
  const random = seededRandom(seed);
  const order: string[] = [];
  while (order.length < kills) order.push(...shuffled(victims, random));
  const moments = Array.from({ length: kills }, () => Math.floor(random() * instances)).sort((one, other) => one - other);
  return moments.map((afterAccepted, at) => ({
    victim: order[at]!,
    afterAccepted,
    delayMs: Math.floor(random() * MOST_DELAY_MS),
  }));
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((one, other) => one.key - other.key).map(({ item }) => item);
}
