// What waits in the work queue, by destination and lane. By facility too it would be a series for each pair, which nobody bounds.
import type { SubjectWatch } from '@causeway/shared/bus/subject-watch';
import type { Meter } from '@causeway/shared/telemetry';
import type { DestinationShare } from './destination-share.ts';

export interface ObservedQueues {
  readonly watch: Pick<SubjectWatch, 'counts'>;
  /** Of all destinations. */
  readonly inUse: ReadonlySet<{ readonly size: number }>;
  readonly share: Pick<DestinationShare, 'replicas'>;
}

export function observeQueues(meter: Meter, { watch, inUse, share }: ObservedQueues): void {
  meter
    .createObservableGauge('causeway_uploader_queued', {
      description:
        'Deliveries queued or under way, by destination and lane, in the whole cluster: the same at each uploader, some seconds old',
    })
    .addCallback((result) => {
      for (const { destination, lane, count } of queuedByLane(watch.counts())) result.observe(count, { destination, lane });
    });
  meter
    .createObservableGauge('causeway_uploader_queues', {
      description: 'Durable consumers in use here: destination, lane and facility with recent work',
    })
    .addCallback((result) => result.observe([...inUse].reduce((sum, { size }) => sum + size, 0)));
  meter
    .createObservableGauge('causeway_uploader_replicas', {
      description: 'Living uploaders, among which the slots of destinations are divided',
    })
    .addCallback((result) => result.observe(share.replicas()));
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
