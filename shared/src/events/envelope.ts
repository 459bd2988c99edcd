// What every message carries, whatever it says.
import { z } from 'zod';
import { uuidV7 } from '../brands.ts';

/** `facility` is what the association alone decided; absent: nothing decided. `generation` rises when work is set in motion again. */
export const envelope = z.object({
  id: z.string().max(64),
  version: z.literal(1),
  occurredAt: z.iso.datetime(),
  traceparent: z.string().max(64).optional(),
  facility: z.string().max(63).optional(),
  generation: z.int().min(0),
});
export type Envelope = z.infer<typeof envelope>;

/** A fresh envelope. The bus sets `traceparent` from the active span when it publishes. */
export function newEnvelope(generation = 0, facility?: string): Envelope {
  return { id: uuidV7(), version: 1, occurredAt: new Date().toISOString(), facility, generation };
}
