// What waits in the work queue, by destination and lane. By facility too it would be a series for each pair, which nobody bounds.
import type { SubjectWatch } from '@causeway/shared/bus/subject-watch';
import { observe, observedGauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { DestinationShare } from './destination-share.ts';

export interface ObservedQueues {
  readonly watch: Pick<SubjectWatch, 'counts'>;
  /** Of all destinations. */
  readonly inUse: ReadonlySet<{ readonly size: number }>;
  readonly share: Pick<DestinationShare, 'replicas'>;
}

export function observeQueues(meter: Meter, { watch, inUse, share }: ObservedQueues): void {
  observedGauge(meter, 'causeway.uploader.queued').addCallback((result) => {
    for (const { destination, lane, count } of queuedByLane(watch.counts())) result.observe(count, { destination, lane });
  });
  observe(meter, 'causeway.uploader.queues', () => [...inUse].reduce((sum, { size }) => sum + size, 0));
  observe(meter, 'causeway.uploader.replicas', () => share.replicas());
}

interface Queued {
  readonly destination: string;
  readonly lane: string;
  count: number;
}

/** Of subjects `delivery.due.<destination>.<lane>.<facility>`. */
export function queuedByLane(counts: ReturnType<SubjectWatch['counts']>): Queued[] {
  const queued = new Map<string, Queued>();
  for (const group of counts.values()) {
    for (const [subject, count] of group) {
      const [, , destination = '', lane = ''] = subject.split('.');
      const known = queued.get(`${destination}.${lane}`);
      if (known === undefined) queued.set(`${destination}.${lane}`, { destination, lane, count });
      else known.count += count;
    }
  }
  return [...queued.values()];
}
