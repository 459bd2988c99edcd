// What the compressor counts: configured names and numbers, never anything of an instance.

import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import type { DerivationProfile } from '@causeway/shared/events/delivery';
import type { Coercion, Compression, Instance } from '@causeway/shared/events/instance';
import { counter, histogram, observe } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { CodecPool } from './codec-pool.ts';
import type { EncodedFrame } from './frame-codec.ts';
import type { PrioritySemaphore } from './priority-semaphore.ts';

export interface CompressionMeters {
  count(instance: Instance, compression: Compression): void;
  frame(syntax: LosslessSyntax, frame: EncodedFrame): void;
  countDerivation(profile: DerivationProfile, outcome: 'made' | 'reused' | 'impossible'): void;
}

export function compressionMeters(meter: Meter): CompressionMeters {
  const instances = counter(meter, 'causeway.compressor.instances');
  const coerced = counter(meter, 'causeway.compressor.coerced');
  const received = counter(meter, 'causeway.compressor.source.bytes');
  const ready = counter(meter, 'causeway.compressor.result.bytes');
  const encoding = histogram(meter, 'causeway.compressor.frame.encode.duration');
  const proof = histogram(meter, 'causeway.compressor.frame.proof.duration');
  const derivations = counter(meter, 'causeway.compressor.derivations');
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
  observe(meter, 'causeway.compressor.work.active', () => instances.held);
  observe(meter, 'causeway.compressor.work.waiting', () => instances.waiting);
  observe(meter, 'causeway.compressor.frame.memory', () => frameMemory.held);
  observe(meter, 'causeway.compressor.codec.threads', () => pool.threads);
}
