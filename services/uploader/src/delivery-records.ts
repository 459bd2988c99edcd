// What the uploader remembers of a delivery over restarts and between replicas: that it is done, and how it fared before.
import { createHash } from 'node:crypto';
import type { Bucket, Bus } from '@causeway/shared/bus/bus';
import type { DeliveryDue } from '@causeway/shared/events/delivery';
import { deliveryConfirmedFact, type FactOf } from '@causeway/shared/events/facts';
import { z } from 'zod';

/**
 * attempts: times it was really sent (JetStream's own count also counts the times it was given back unsent). refusals: answers that
 * may mean anything, of which only so many are taken. alone: it failed in a batch and is sent alone from now on. mayHaveArrived: an
 * attempt ended without a definite answer.
 */
const history = z.object({ attempts: z.int().min(0), refusals: z.int().min(0), alone: z.boolean(), mayHaveArrived: z.boolean() });
export type History = z.infer<typeof history>;
export const NO_HISTORY: History = { attempts: 0, refusals: 0, alone: false, mayHaveArrived: false };

/**
 * What the confirmed fact says beyond its delivery; the whole fact would fill JetStream's disk with copies of instances. content: digest of the
 * instance, for the same delivery id may come with other content.
 */
const doneMark = deliveryConfirmedFact
  .pick({ id: true, occurredAt: true, attempt: true, confirmation: true, digest: true, warning: true, coercion: true })
  .extend({ content: z.string() });

/** A content that a destination has confirmed, with which delivery and when: for copies of it that were due at that time. */
const copyMark = deliveryConfirmedFact
  .pick({ confirmation: true, digest: true, warning: true, coercion: true })
  .extend({ receiptId: z.string(), confirmedAt: z.iso.datetime() });
export type CopyMark = z.infer<typeof copyMark>;

const DAY_MS = 86_400_000;
/** A message comes back within the longest retry delay; three days leave room for a broker that was away. */
const DONE_MARK_MS = 3 * DAY_MS;
/** One day more than the default giveUpAfter. */
const HISTORY_MS = 8 * DAY_MS;
/** A copy that waited longer behind the first is sent, which is harmless; the marks of a day would be large. */
const COPY_MARK_MS = DAY_MS / 4;
const FIT_FOR_KEY = /^[-/_=.a-zA-Z0-9]{1,150}$/;

export interface DeliveryRecords {
  /** The confirmed fact, if this delivery in this generation is done, with this content. */
  confirmed(due: DeliveryDue): Promise<FactOf<'ledger.delivery.confirmed'> | undefined>;
  markConfirmed(due: DeliveryDue, fact: FactOf<'ledger.delivery.confirmed'>): Promise<void>;
  history(due: DeliveryDue): Promise<History>;
  remember(due: DeliveryDue, history: History): Promise<void>;
  /** By a key that stands for content and place (identical-copies.ts): what was confirmed last. */
  copy(key: string): Promise<CopyMark | undefined>;
  markCopy(key: string, mark: CopyMark): Promise<void>;
}

/** Buckets `delivered`, `delivery-history` and `delivered-copies`. All methods throw TransientError when JetStream is out of reach. */
export async function openDeliveryRecords(bus: Bus): Promise<DeliveryRecords> {
  const done = await bus.bucket('delivered', { maxAgeMs: DONE_MARK_MS });
  const past = await bus.bucket('delivery-history', { maxAgeMs: HISTORY_MS });
  const copies = await bus.bucket('delivered-copies', { maxAgeMs: COPY_MARK_MS });
  return {
    confirmed: async (due) => {
      const { content, ...said } = (await read(done, recordKey(due), doneMark)) ?? {};
      if (content !== due.delivery.instance.digest) return undefined;
      const { generation, facility, delivery } = due;
      return deliveryConfirmedFact.parse({ ...said, version: 1, type: 'ledger.delivery.confirmed', generation, facility, delivery });
    },
    markConfirmed: (due, { id, occurredAt, attempt, confirmation, digest, warning, coercion }) =>
      done.put(
        recordKey(due),
        json({ id, occurredAt, attempt, confirmation, digest, warning, coercion, content: due.delivery.instance.digest }),
      ),
    history: async (due) => (await read(past, recordKey(due), history)) ?? NO_HISTORY,
    remember: (due, value) => past.put(recordKey(due), json(value)),
    copy: (key) => read(copies, key, copyMark),
    markCopy: (key, mark) => copies.put(key, json(mark)),
  };
}

const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

/** One key for one delivery in one generation; a delivery id that is no KV key (never one of ours) is hashed. */
export function recordKey({ delivery, generation }: DeliveryDue): string {
  const id = FIT_FOR_KEY.test(delivery.id) ? delivery.id : createHash('sha256').update(delivery.id).digest('hex');
  return `${id}.${generation}`;
}

/** A value that is not of the schema is as good as none: the delivery is sent once more, which is harmless. */
async function read<T>(bucket: Bucket, key: string, schema: z.ZodType<T>): Promise<T | undefined> {
  const value = await bucket.get(key);
  if (value === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(Buffer.from(value).toString('utf8')));
  } catch {
    return undefined;
  }
}
