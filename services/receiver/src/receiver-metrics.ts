// What the receiver counts. Labels are statuses, outcomes and limits, never who or whose.
import type { Meter } from '@causeway/shared/telemetry';

export interface ReceiverMetrics {
  answered(answer: { status: number; bytes: number; seconds: number }): void;
  associated(outcome: 'accepted' | 'rejected'): void;
  /** By the name of its field in the gateway document: associations, associationsPerSource, maxPduBytes, idle, artim, custody, freeSpaceBelow ... */
  limitReached(limit: string): void;
}

export interface Gauges {
  readonly openAssociations: () => number;
  /** Of admission, by limit: above 1 work is refused. */
  readonly loads: () => ReadonlyMap<string, number>;
}

export function receiverMetrics(meter: Meter, gauges: Gauges): ReceiverMetrics {
  const instances = meter.createCounter('dicom.receiver.instances', { description: 'C-STORE operations answered, by status' });
  const bytes = meter.createCounter('dicom.receiver.bytes', { unit: 'By', description: 'Bytes of data sets received' });
  const seconds = meter.createHistogram('dicom.receiver.store.duration', {
    unit: 's',
    description: 'From the C-STORE command to its answer',
  });
  const associations = meter.createCounter('dicom.receiver.associations', { description: 'Associations requested, by outcome' });
  const limits = meter.createCounter('dicom.receiver.limits.reached', { description: 'Refusals, aborts and closed connections, by limit' });
  meter.createObservableGauge('dicom.receiver.associations.open').addCallback((result) => result.observe(gauges.openAssociations()));
  meter
    .createObservableGauge('dicom.receiver.admission.load', {
      description: 'Share of a limit of admission that is used; above 1 work is refused',
    })
    .addCallback((result) => {
      for (const [limit, load] of gauges.loads()) result.observe(load, { limit });
    });
  return {
    answered: (answer) => {
      instances.add(1, { status: answer.status.toString(16).padStart(4, '0') });
      bytes.add(answer.bytes);
      seconds.record(answer.seconds);
    },
    associated: (outcome) => associations.add(1, { outcome }),
    limitReached: (limit) => limits.add(1, { limit }),
  };
}
