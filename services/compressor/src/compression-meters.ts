// What the compressor counts: configured names and numbers, never anything of an instance.

import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import type { DerivationProfile } from '@causeway/shared/events/delivery';
import type { Coercion, Compression, Instance } from '@causeway/shared/events/instance';
import type { Meter } from '@causeway/shared/telemetry';
import type { CodecPool } from './codec-pool.ts';
import type { EncodedFrame } from './frame-codec.ts';
import type { PrioritySemaphore } from './priority-semaphore.ts';

export interface CompressionMeters {
  count(instance: Instance, compression: Compression): void;
  frame(syntax: LosslessSyntax, frame: EncodedFrame): void;
  countDerivation(profile: DerivationProfile, outcome: 'made' | 'reused' | 'impossible'): void;
}

/** Seconds: a CT slice takes 0.01, a mammogram some seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150];

export function compressionMeters(meter: Meter): CompressionMeters {
  const instances = meter.createCounter('compressor_instances', { description: 'Instances made ready, by lane and outcome' });
  const coerced = meter.createCounter('compressor_coerced_instances', { description: 'Instances that coercion rules fitted, by outcome' });
  const received = meter.createCounter('compressor_received_bytes', { description: 'Bytes of the objects received', unit: 'By' });
  const ready = meter.createCounter('compressor_ready_bytes', { description: 'Bytes of the objects handed on', unit: 'By' });
  const options = { unit: 's', advice: { explicitBucketBoundaries: SECONDS } };
  const encoding = meter.createHistogram('compressor_frame_encode', { description: 'Encoding one frame', ...options });
  const proof = meter.createHistogram('compressor_frame_proof', { description: 'Decoding and comparing one frame', ...options });
  const derivations = meter.createCounter('compressor_derivations', {
    description: 'Derivations that deliveries ordered, by profile and outcome',
  });
  return {
    countDerivation: (profile, outcome) => derivations.add(1, { profile, outcome }),
    count(instance, { outcome, object, coercion }) {
      if (coercion !== undefined) coerced.add(1, { outcome: coercionOutcome(coercion) });
      instances.add(1, { lane: instance.lane, outcome });
      received.add(instance.size, { outcome });
      ready.add(object?.size ?? coercion?.object?.size ?? instance.size, { outcome });
    },
    frame(syntax, { encodeMs, proofMs }) {
      encoding.record(encodeMs / 1000, { syntax });
      proof.record(proofMs / 1000, { syntax });
    },
  };
}

function coercionOutcome({ object, skipped }: Coercion): 'changed' | 'skipped' | 'same' {
  if (skipped !== undefined) return 'skipped';
  return object === undefined ? 'same' : 'changed';
}

export interface ObservedParts {
  readonly instances: PrioritySemaphore;
  readonly frameMemory: PrioritySemaphore;
  readonly pool: Pick<CodecPool, 'threads'>;
}

/** How full the limits are. */
export function observeLimits(meter: Meter, { instances, frameMemory, pool }: ObservedParts): void {
  const gauge = (name: string, description: string, read: () => number) =>
    meter.createObservableGauge(name, { description }).addCallback((result) => result.observe(read()));
  gauge('compressor_instances_at_work', 'Instances under way', () => instances.held);
  gauge('compressor_instances_waiting', 'Instances taken from the queue that wait for their turn', () => instances.waiting);
  gauge('compressor_frame_memory_bytes', 'Bytes of source frames held', () => frameMemory.held);
  gauge('compressor_codec_threads', 'Codec threads alive', () => pool.threads);
}
