// What the uploader counts. Labels are configured names only.
import type { Meter } from '@causeway/shared/telemetry';
import type { FlowState } from './circuit-breaker.ts';

export interface DestinationMetrics {
  /** A request, or an operation on an association, ended. */
  requestEnded(seconds: number): void;
  delivered(bytes: number): void;
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
/** From a local PACS (ms) to a large multi-frame over a slow line (an hour). */
const SECONDS_BUCKETS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600];

export function createUploadMetrics(meter: Meter): UploadMetrics {
  const flows = new Map<string, FlowState>();
  const deliveries = meter.createCounter('causeway_uploader_deliveries', { description: 'Deliveries by destination and outcome' });
  const bytes = meter.createCounter('causeway_uploader_delivered_bytes', { description: 'Bytes of objects delivered', unit: 'By' });
  const seconds = meter.createHistogram('causeway_uploader_request_seconds', {
    description: 'Duration of requests and store operations',
    advice: { explicitBucketBoundaries: SECONDS_BUCKETS },
  });
  meter
    .createObservableGauge('causeway_uploader_destination_state', { description: '0 flowing, 1 probing, 2 paused' })
    .addCallback((result) => {
      for (const [destination, state] of flows) result.observe(FLOW_VALUES[state], { destination });
    });
  return {
    of: (destination) => {
      flows.set(destination, 'flowing');
      return {
        requestEnded: (value) => seconds.record(value, { destination }),
        delivered: (size) => {
          deliveries.add(1, { destination, outcome: 'delivered' });
          bytes.add(size, { destination });
        },
        coalesced: () => deliveries.add(1, { destination, outcome: 'coalesced' }),
        notDelivered: (outcome) => deliveries.add(1, { destination, outcome }),
        flow: (state) => void flows.set(destination, state),
        remove: () => void flows.delete(destination),
      };
    },
  };
}
