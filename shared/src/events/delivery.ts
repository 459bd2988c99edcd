// One due delivery: one instance to one destination.
import { z } from 'zod';
import { envelope } from './envelope.ts';
import { instance, type ObjectRef, objectRef } from './instance.ts';

/** Why it goes there: the rule in words (no patient data: the rule as configured), and the revision of the gateway document that held it. */
export const deliveryCause = z.object({ rule: z.string().max(300), revision: z.int().min(0) });

/** uncompressed: pixels decoded. explicit-little: the data set converted, pixels as they are. Both are explicit VR little endian. */
export const derivationProfiles = ['uncompressed', 'explicit-little'] as const;
export const derivationProfile = z.enum(derivationProfiles);
export type DerivationProfile = z.infer<typeof derivationProfile>;

/** What came of the one derivation that a delivery may order: `object` is sent in place of the original; `reason`: why there is none. */
export const derivation = z.object({ profile: derivationProfile, object: objectRef.optional(), reason: z.string().max(300).optional() });
export type DeliveryDerivation = z.infer<typeof derivation>;

/**
 * `id` is the same for the same instance, destination and facility, whatever is repeated (newDeliveryId); `generation` of the envelope tells re-sends apart.
 * `facility`: on whose behalf (none: a retrieval). `compressed`: present when the compression rules made an object;
 * `coerced`: when coercion rules on receipt did, which is then sent in place of the received one. `derivation`: present when one was ordered for it.
 */
export const delivery = z.object({
  id: z.string().max(200),
  destination: z.string().max(63),
  facility: z.string().max(63).optional(),
  cause: deliveryCause,
  instance,
  compressed: objectRef.optional(),
  coerced: objectRef.optional(),
  derivation: derivation.optional(),
  retrievalId: z.string().max(64).optional(),
});
export type Delivery = z.infer<typeof delivery>;

/** `delivery.due.<destination>.<lane>.<facility>`. `wasParked`: in the generation before, in which no uploader had it to send (but for a refused syntax). */
export const deliveryDue = envelope.extend({ type: z.literal('delivery.due'), delivery, wasParked: z.boolean().optional() });
export type DeliveryDue = z.infer<typeof deliveryDue>;

/** `derivation.due.<profile>.<destination>.<lane>`: the compressor makes the object, then publishes `delivery.due` for the same delivery. */
export const derivationDue = envelope.extend({
  type: z.literal('derivation.due'),
  profile: derivationProfile,
  delivery,
  wasParked: z.boolean().optional(),
});
export type DerivationDue = z.infer<typeof derivationDue>;

/** The object that is sent where neither compression nor a derivation made one: as coerced on receipt, else as received. */
export function originalOf({ instance, coerced }: Pick<Delivery, 'instance' | 'coerced'>): ObjectRef {
  const { objectKey, size, digest, transferSyntaxUid } = instance;
  return coerced ?? { objectKey, size, digest, transferSyntaxUid };
}

/** Deterministic, fit for KV keys and message ids: receipt (or retrieval instance), destination. */
export const deliveryIdOf = (originId: string, destination: string): string => `${originId}.${destination}`;
