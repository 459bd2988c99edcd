// A consumer under a load that never rests: messages that it has come past, and gives to nobody, are found all the same.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { JetStreamClient, JetStreamManager } from '@nats-io/jetstream';
import { z } from 'zod';
import { createLogger } from '../logger.ts';
import type { ConsumerPlan, Consumption } from './bus.ts';
import { consumeMessages } from './consumption.ts';

const PLAN = {
  ...{ stream: 'RECEIVED', name: 'one', filter: 'instance.received.>', schema: z.object({}) as z.ZodType<object>, concurrency: 2 },
  onPermanent: async () => {},
} as const satisfies ConsumerPlan<object>;
/** Given back for a minute at most, or at work for long. */
const DELIVERIES = {
  ...PLAN,
  stream: 'DELIVERIES',
  filter: 'delivery.due.archive.>',
  longestDelayMs: 60_000,
} as const satisfies ConsumerPlan<object>;
const BETWEEN_PULLS_MS = 7_000;

interface Broker {
  /** The first message of the stream, at each question for it. */
  readonly first: () => number | undefined;
  readonly ackFloor: number;
  /** Up to which the consumer has given messages [0]. */
  readonly delivered?: number;
  /** Given and not acknowledged [1]. */
  readonly unacknowledged?: () => number;
  /** How often it has given one, at each question [0]. */
  readonly gifts?: () => number;
  /** Whoever handles this one never comes to an end. */
  readonly endless?: number;
}

/** Each pull brings one message, and takes 7 s by the clock; after so many pulls it is over. Resolves with how often the consumer was removed, to be made anew. */
async function removedWithin(
  pulls: number,
  { first, ackFloor, delivered = 0, gifts = () => 0, unacknowledged = () => 1, endless }: Broker,
  plan: ConsumerPlan<object> = PLAN,
): Promise<number> {
  let clock = 0;
  let left = pulls;
  let removed = 0;
  const over = Promise.withResolvers<void>();
  const hanging = Promise.withResolvers<void>();
  let handled = 0;
  const fetch = async () => {
    clock += BETWEEN_PULLS_MS;
    if (left-- === 0) over.resolve();
    return left < 0 ? new Promise<never>(() => {}) : Object.assign([messageOf(endless ?? pulls - left)], { stop: () => {} });
  };
  const info = () => ({
    ...{ ack_floor: { stream_seq: ackFloor }, delivered: { stream_seq: delivered, consumer_seq: gifts() } },
    num_ack_pending: unacknowledged(),
    created: new Date(0).toISOString(),
  });
  const manager = {
    consumers: {
      add: async () => info(),
      info: async () => info(),
      delete: async () => {
        removed++;
        return true;
      },
    },
    streams: { getMessage: async () => (first() === undefined ? null : { seq: first() }) },
  } as unknown as JetStreamManager;
  const client = { consumers: { get: async () => ({ fetch }) } } as unknown as JetStreamClient;
  const around = { onReconnect: new Set<() => void>(), onClose: new Set<() => void>(), mend: async () => {}, now: () => clock };
  const consumption: Consumption = await consumeMessages({ client, manager, ...around, log: createLogger('test', 'fatal') }, plan, () =>
    handled++ === 0 && endless !== undefined ? hanging.promise : Promise.resolve(),
  );
  await over.promise;
  hanging.resolve();
  await consumption.stop();
  return removed;
}

const messageOf = (seq: number) => ({
  data: Buffer.from('{}'),
  json: () => ({}),
  string: () => '{}',
  subject: 'instance.received.routine.main',
  headers: undefined,
  info: { deliveryCount: 1 },
  seq,
  time: new Date(seq),
  ack: () => {},
  nak: () => {},
  working: () => {},
});

describe('a consumer that never rests', () => {
  it('is made anew when the same message lies behind it at two looks', async () => {
    assert.equal(await removedWithin(8, { first: () => 261, ackFloor: 2_375 }), 1);
  });

  it('is left alone while it comes to what the stream has, and while what it has passed leaves', async () => {
    assert.equal(await removedWithin(20, { first: () => 2_376, ackFloor: 2_375 }), 0);
    assert.equal(await removedWithin(20, { first: () => undefined, ackFloor: 2_375 }), 0);
    let seq = 0;
    assert.equal(await removedWithin(20, { first: () => ++seq, ackFloor: 2_375 }), 0);
  });

  it('is made anew when the same message was given at two looks, and the consumer waits for no acknowledgement', async () => {
    const forgotten = { first: () => 2_524, ackFloor: 2_523, delivered: 4_851 };
    assert.equal(await removedWithin(10, { ...forgotten, unacknowledged: () => 0 }), 1);
    assert.equal(await removedWithin(10, { ...forgotten, unacknowledged: () => 0 }, DELIVERIES), 1);
    assert.equal(await removedWithin(10, forgotten), 0);
    let seq = 2_523;
    assert.equal(await removedWithin(20, { ...forgotten, unacknowledged: () => 0, first: () => ++seq }), 0);
  });

  it('is made anew when the same message was given and stays the first for three minutes, and nobody here is at it', async () => {
    const given = { first: () => 2_376, ackFloor: 2_375, delivered: 2_400 };
    assert.equal(await removedWithin(26, given), 0);
    assert.equal(await removedWithin(36, given), 1);
    let looks = 0;
    assert.equal(await removedWithin(36, { ...given, unacknowledged: () => ++looks % 2 }), 1);
    assert.equal(await removedWithin(80, { ...given, delivered: 2_375 }), 0);
    assert.equal(await removedWithin(80, { ...given, endless: 2_376 }), 0);
    let seq = 2_376;
    assert.equal(await removedWithin(80, { ...given, first: () => seq++, delivered: 9_000 }), 0);
  });

  it('is made anew, where messages may be given back for long, when nobody was given anything for half an hour more than the longest delay', async () => {
    const given = { first: () => 2_376, ackFloor: 2_375, delivered: 2_400 };
    const pulls = (ms: number): number => Math.ceil(ms / BETWEEN_PULLS_MS);
    assert.equal(await removedWithin(pulls(31 * 60_000) - 6, given, DELIVERIES), 0);
    assert.equal(await removedWithin(pulls(31 * 60_000) + 6, given, DELIVERIES), 1);
    let gifts = 0;
    assert.equal(await removedWithin(pulls(60 * 60_000), { ...given, gifts: () => ++gifts }, DELIVERIES), 0);
    assert.equal(await removedWithin(pulls(60 * 60_000), { ...given, endless: 2_376 }, DELIVERIES), 0);
    assert.equal(await removedWithin(pulls(60 * 60_000), { ...given, delivered: 2_375 }, DELIVERIES), 0);
    const unlimited = { ...DELIVERIES, longestDelayMs: undefined };
    assert.equal(await removedWithin(pulls(60 * 60_000), given, unlimited as never), 0);
  });
});
