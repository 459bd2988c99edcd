// What the uploader counts. Labels are configured names only.
import type { Lane } from '@causeway/shared/events/instance';
import { counter, histogram, observedGauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { FlowState } from './circuit-breaker.ts';

export interface DestinationMetrics {
  /** A request, or an operation on an association, ended. */
  requestEnded(seconds: number): void;
  delivered(bytes: number): void;
  /** Confirmed, so long after its receipt. */
  archived(lane: Lane, seconds: number): void;
  /** Confirmed with an identical copy: nothing was sent for it. */
  coalesced(): void;
  notDelivered(outcome: 'attempted' | 'failed'): void;
  flow(state: FlowState): void;
  /** The destination is no longer served here. */
  remove(): void;
}

export interface UploadMetrics {
  of(destination: string): DestinationMetrics;
}

const FLOW_VALUES: Readonly<Record<FlowState, number>> = { flowing: 0, probing: 1, paused: 2 };

export function createUploadMetrics(meter: Meter): UploadMetrics {
  const flows = new Map<string, FlowState>();
  const deliveries = counter(meter, 'causeway.uploader.deliveries');
  const bytes = counter(meter, 'causeway.uploader.bytes');
  const seconds = histogram(meter, 'causeway.uploader.request.duration');
  const timeToArchive = histogram(meter, 'causeway.uploader.time_to_archive');
  observedGauge(meter, 'causeway.uploader.destination.state').addCallback((result) => {
    for (const [destination, state] of flows) result.observe(FLOW_VALUES[state], { destination });
  });
  return {
    of: (destination) => {
      flows.set(destination, 'flowing');
      // There from the start: an increase cannot be seen in a series that begins with its first one.
      deliveries.add(0, { destination, outcome: 'failed' });
      return {
        requestEnded: (value) => seconds.record(value, { destination }),
        delivered: (size) => {
          deliveries.add(1, { destination, outcome: 'delivered' });
          bytes.add(size, { destination });
        },
        archived: (lane, value) => timeToArchive.record(Math.max(0, value), { lane }),
        coalesced: () => deliveries.add(1, { destination, outcome: 'coalesced' }),
        notDelivered: (outcome) => deliveries.add(1, { destination, outcome }),
        flow: (state) => void flows.set(destination, state),
        remove: () => void flows.delete(destination),
      };
    },
  };
}
