// What is counted of the listeners: whether each is open, and how long its certificate lasts.
import type { Meter } from '@causeway/shared/telemetry';
import { daysLeft } from './certificate-warnings.ts';
import type { ListenerState } from './listeners.ts';

export function observeListeners(meter: Meter, parts: { state: () => ListenerState[]; now: () => number }): void {
  const open = meter.createObservableGauge('dicom.receiver.listener.open', {
    description: '1 while the port is open, 0 while it cannot be',
  });
  open.addCallback((result) => {
    for (const { id, isOpen } of parts.state()) result.observe(isOpen ? 1 : 0, { listener: id });
  });
  const days = meter.createObservableGauge('dicom.receiver.certificate.days', {
    unit: 'd',
    description: 'Until the first certificate of the chain expires',
  });
  days.addCallback((result) => {
    for (const { id, expiresAt } of parts.state())
      if (expiresAt !== undefined) result.observe(daysLeft(expiresAt, parts.now()), { listener: id });
  });
}
