// How many deliveries a destination's queues may have in this process at a time: enough that batches are full, never so many that a deep queue takes the room of others.
import type { DestinationSettings } from './destination-settings.ts';

/** Messages in hand for each request that may run: the next batch is there when one ends. */
const BATCHES_IN_HAND = 2;
/** For DIMSE: enough to negotiate the contexts of what comes next in one association. */
const INSTANCES_IN_HAND = 32;
/** Of one queue; each is some kilobytes of event. */
const MOST_OF_ONE = 1_000;
/** Of a destination over all queues, divided by weight; with more queues than that leaves room for, each still has the least. */
const MOST_OF_ALL = 2_000;
const LEAST = 8;

/** For queues that have work, by their weights: how many each may have in hand. */
export function allotInHand(settings: DestinationSettings, weights: readonly number[]): number[] {
  const each = settings.kind === 'stow' ? settings.batch.instances * BATCHES_IN_HAND : INSTANCES_IN_HAND;
  const most = Math.max(LEAST, Math.min(MOST_OF_ONE, settings.concurrency * each));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => Math.min(most, Math.max(LEAST, Math.floor((MOST_OF_ALL * weight) / total))));
}
