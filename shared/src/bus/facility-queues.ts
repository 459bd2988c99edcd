// A stream whose subjects end with lane and facility, consumed by a service through a durable consumer for each pair that has work: a flood of one facility is its own queue.
import type { z } from 'zod';
import type { StreamName } from '../events/flow.ts';
import { type Lane, lanes } from '../events/instance.ts';
import type { Logger } from '../logger.ts';
import type { Bus, ConsumerPlan, Message } from './bus.ts';
import { removeForgottenConsumers } from './forgotten-consumers.ts';
import { type QueueName, QueuesOnDemand } from './queues-on-demand.ts';
import { watchSubjects } from './subject-watch.ts';

export interface FacilityQueuesPlan<T> {
  /** Also the prefix of durable names. */
  readonly service: string;
  readonly stream: StreamName;
  /** Subjects are `<prefix>.<lane>.<facility>`. */
  readonly prefix: string;
  readonly schema: z.ZodType<T>;
  readonly onPermanent: ConsumerPlan<T>['onPermanent'];
  /** Handlers at work at a time of each of these queues, which all have work. */
  readonly allot: (queues: readonly QueueName[]) => readonly number[];
}

export type FacilityQueuesParts = {
  readonly bus: Pick<Bus, 'consume' | 'subjects' | 'onPublication' | 'idleConsumers' | 'removeIdleConsumer'>;
  readonly log: Logger;
};

/** `handler` as of Bus.consume. `stop` finishes what is at work and gives back what was not begun. */
export function consumeByFacility<T>(
  parts: FacilityQueuesParts,
  plan: FacilityQueuesPlan<T>,
  handler: (message: Message<T>) => Promise<void>,
): { stop(): Promise<void> } {
  const { service, stream, prefix, schema, onPermanent, allot } = plan;
  const consumerName = ({ lane, facility }: QueueName): string => `${service}_${lane}_${facility}`;
  const queues = new QueuesOnDemand({
    ...{ bus: parts.bus, log: parts.log, stream, consumerName, allot },
    consume: (queue, concurrency) =>
      parts.bus.consume(
        {
          ...{ stream, schema, concurrency, onPermanent },
          name: consumerName(queue),
          filter: queue.subject,
          // Until 0.1.0 there was one for each lane, over all facilities.
          replaces: [`${service}-${queue.lane}`],
        },
        handler,
      ),
  });
  const watch = watchSubjects(parts, { stream, filter: `${prefix}.>`, keyTokens: prefix.split('.').length });
  watch.follow(prefix, queues);
  const tidying = removeForgottenConsumers(parts, { stream });
  return {
    stop: async () => {
      watch.stop();
      tidying.stop();
      await queues.stop();
    },
  };
}

/** Divides places of each lane among its facilities by weight; each has one at least. */
export function divideByWeight(
  places: Readonly<Record<Lane, number>>,
  weightOf: (facility: string) => number,
): (queues: readonly QueueName[]) => number[] {
  return (queues) => {
    const totals = Object.fromEntries(lanes.map((lane) => [lane, 0])) as Record<Lane, number>;
    for (const { lane, facility } of queues) totals[lane] += weightOf(facility);
    return queues.map(({ lane, facility }) => Math.max(1, Math.round((places[lane] * weightOf(facility)) / totals[lane])));
  };
}
