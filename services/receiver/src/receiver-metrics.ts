// What the receiver counts. Labels are statuses, outcomes, limits and configured facilities, never who calls or whose images they are.
import { NO_FACILITY } from '@causeway/shared/events/flow';
import { counter, histogram, observe, observedGauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { Admission } from './admission.ts';

export interface ReceiverMetrics {
  /** `facility`: that the association alone decided; undefined: none. */
  answered(answer: { status: number; bytes: number; seconds: number; facility?: string | undefined }): void;
  associated(outcome: 'accepted' | 'rejected'): void;
  /** By the name of its field in the gateway document: associations, associationsPerSource, maxPduBytes, idle, artim, custody, freeSpaceBelow ... */
  limitReached(limit: string): void;
}

export interface Gauges {
  readonly openAssociations: () => number;
  readonly admission: Pick<Admission, 'loads' | 'refusal'>;
}

export function receiverMetrics(meter: Meter, gauges: Gauges): ReceiverMetrics {
  const instances = counter(meter, 'causeway.receiver.instances');
  const bytes = counter(meter, 'causeway.receiver.bytes');
  const seconds = histogram(meter, 'causeway.receiver.store.duration');
  const associations = counter(meter, 'causeway.receiver.associations');
  const limits = counter(meter, 'causeway.receiver.limits_reached');
  observe(meter, 'causeway.receiver.associations_open', gauges.openAssociations);
  observe(meter, 'causeway.receiver.refusing', () => (gauges.admission.refusal() ? 1 : 0));
  observedGauge(meter, 'causeway.receiver.admission.load').addCallback((result) => {
    for (const [limit, load] of gauges.admission.loads()) result.observe(load, { limit });
  });
  return {
    answered: (answer) => {
      instances.add(1, { status: answer.status.toString(16).padStart(4, '0'), facility: answer.facility ?? NO_FACILITY });
      bytes.add(answer.bytes);
      seconds.record(answer.seconds);
    },
    associated: (outcome) => associations.add(1, { outcome }),
    limitReached: (limit) => limits.add(1, { limit }),
  };
}
