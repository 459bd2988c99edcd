// What the receiver counts. Labels are statuses and outcomes, never who or whose.
import type { Meter } from '@causeway/shared/telemetry';

export interface ReceiverMetrics {
  answered(answer: { status: number; bytes: number; seconds: number }): void;
  associated(outcome: 'accepted' | 'rejected'): void;
}

export function receiverMetrics(meter: Meter, openAssociations: () => number): ReceiverMetrics {
  const instances = meter.createCounter('dicom.receiver.instances', { description: 'C-STORE operations answered, by status' });
  const bytes = meter.createCounter('dicom.receiver.bytes', { unit: 'By', description: 'Bytes of data sets received' });
  const seconds = meter.createHistogram('dicom.receiver.store.duration', {
    unit: 's',
    description: 'From the C-STORE command to its answer',
  });
  const associations = meter.createCounter('dicom.receiver.associations', { description: 'Associations requested, by outcome' });
  meter.createObservableGauge('dicom.receiver.associations.open').addCallback((result) => result.observe(openAssociations()));
  return {
    answered: (answer) => {
      instances.add(1, { status: answer.status.toString(16).padStart(4, '0') });
      bytes.add(answer.bytes);
      seconds.record(answer.seconds);
    },
    associated: (outcome) => associations.add(1, { outcome }),
  };
}
