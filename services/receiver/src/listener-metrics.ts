// What is counted of the listeners: whether each is open, and how long its certificate lasts.
import { observedGauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { ListenerState } from './listeners.ts';

export function observeListeners(meter: Meter, parts: { state: () => ListenerState[]; now: () => number }): void {
  observedGauge(meter, 'causeway.receiver.listener.open').addCallback((result) => {
    for (const { id, isOpen } of parts.state()) result.observe(isOpen ? 1 : 0, { listener: id });
  });
  observedGauge(meter, 'causeway.receiver.certificate.remaining').addCallback((result) => {
    for (const { id, expiresAt } of parts.state())
      if (expiresAt !== undefined) result.observe((expiresAt - parts.now()) / 1_000, { listener: id });
  });
}
