// One due delivery: one instance to one destination.
import { z } from 'zod';
import { envelope } from './envelope.ts';
import { instance, objectRef } from './instance.ts';

/** Why it goes there: the rule in words (no patient data: the rule as configured), and the revision of the gateway document that held it. */
export const deliveryCause = z.object({ rule: z.string().max(300), revision: z.int().min(0) });

/**
 * `id` is the same for the same instance, destination and facility, whatever is repeated (newDeliveryId); `generation` of the envelope tells re-sends apart.
 * `facility`: on whose behalf (none: a retrieval). `compressed`: present when the compression rules made an object;
 * `coerced`: when coercion rules on receipt did, which is then sent in place of the received one.
 */
export const delivery = z.object({
  id: z.string().max(200),
  destination: z.string().max(63),
  facility: z.string().max(63).optional(),
  cause: deliveryCause,
  instance,
  compressed: objectRef.optional(),
  coerced: objectRef.optional(),
  retrievalId: z.string().max(64).optional(),
});
export type Delivery = z.infer<typeof delivery>;

/** `delivery.due.<destination>.<lane>.<facility>` */
export const deliveryDue = envelope.extend({ type: z.literal('delivery.due'), delivery });
export type DeliveryDue = z.infer<typeof deliveryDue>;

/** Deterministic, fit for KV keys and message ids: receipt (or retrieval instance), destination. */
export const deliveryIdOf = (originId: string, destination: string): string => `${originId}.${destination}`;
