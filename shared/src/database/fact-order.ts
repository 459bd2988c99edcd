// Which of two facts about the same thing is the newer one, whatever order they arrive in.
import type { Envelope } from '../events/envelope.ts';

/**
 * A text that sorts (byte by byte, COLLATE "C") by generation, then by progress within the generation, then by time, then by the fact's id.
 * Facts come late, twice and in any order: a row only takes what sorts higher than what it has, so every order gives the same rows.
 */
export type FactOrder = string & { readonly brand: 'FactOrder' };

/** Progress of an instance within a generation. `implied`: a delivery's fact proves that it was routed, but does not tell the whole decision. */
export const INSTANCE_RANK = { received: 0, ready: 1, quarantined: 2, implied: 3, decided: 4, discarded: 5 } as const;
/**
 * Progress of a delivery within a generation. What was confirmed stays confirmed, even when it was given up at the same time. Of due and parked the later one holds: a
 * routing that is repeated after a kill may find room where the first found none.
 */
export const DELIVERY_RANK = { due: 0, parked: 0, retrying: 1, failed: 2, discarded: 3, confirmed: 4 } as const;
export const RETRIEVAL_RANK = { due: 0, fetching: 1, failed: 2, done: 3 } as const;

const GENERATION_DIGITS = 10;

/** Of a parking, which its service tells after the decision that calls the delivery due, often within the same millisecond: sorts after every id. */
export const AFTER_OTHERS = 'parked-';

/** `place`: before the id, where facts of one time are told in a known order. */
export function factOrder(envelope: Pick<Envelope, 'generation' | 'occurredAt' | 'id'>, rank: number, place = ''): FactOrder {
  const generation = String(envelope.generation).padStart(GENERATION_DIGITS, '0');
  return `${generation}.${rank}.${isoMillis(envelope.occurredAt)}.${place}${envelope.id}` as FactOrder;
}

/** ISO 8601 texts of differing precision do not sort as text; this form does. */
export const isoMillis = (text: string): string => new Date(text).toISOString();

/** Of two texts as isoMillis makes them. */
export const earlier = (a: string, b: string): string => [a, b].sort()[0] as string;
export const later = (a: string, b: string): string => [a, b].sort()[1] as string;
