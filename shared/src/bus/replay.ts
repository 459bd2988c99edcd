// A stream that keeps its messages, read once more from a number on, beside its consumers and without any effect on them.
import { DeliverPolicy, type JetStreamClient, type JetStreamManager, type JsMsg } from '@nats-io/jetstream';
import type { z } from 'zod';
import { TransientError } from '../errors.ts';
import type { StreamName } from '../events/flow.ts';

export interface ReplayRange<T> {
  readonly stream: StreamName;
  /** Sequence numbers: from the one after `after` up to and with `upTo`; what the stream no longer has is left out. */
  readonly after: number;
  readonly upTo: number;
  /** What is not of it is left out. */
  readonly schema: z.ZodType<T>;
}

/** Handed over in one piece. */
const BATCH = 500;
const WAIT_MS = 5_000;

/** Resolves with the number of messages handed over, in order. Throws TransientError when JetStream stops answering, or what the handler throws. */
export async function replayMessages<T>(
  { client, manager }: { client: JetStreamClient; manager: JetStreamManager },
  range: ReplayRange<T>,
  handler: (events: T[]) => Promise<void>,
): Promise<number> {
  // Nothing would come of it, and it would be waited for.
  if (await isGone(manager, range)) return 0;
  const consumer = await client.consumers.get(range.stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: range.after + 1,
  });
  let count = 0;
  for (let last = range.after; last < range.upTo; ) {
    const messages = await fetched(consumer, range.upTo);
    if (messages.length === 0 && (await isGone(manager, range))) return count;
    if (messages.length === 0) throw new TransientError(`${range.stream} gave nothing after ${last}, up to ${range.upTo} was asked`);
    const events = messages.flatMap((message) => eventIn(message, range));
    if (events.length > 0) await handler(events);
    count += events.length;
    last = messages.at(-1)!.seq;
  }
  return count;
}

/** The whole range is older than what the stream keeps; it may become so while it is read. */
async function isGone<T>(manager: JetStreamManager, { stream, upTo }: ReplayRange<T>): Promise<boolean> {
  return (await manager.streams.info(stream)).state.first_seq > upTo;
}

async function fetched(consumer: Awaited<ReturnType<JetStreamClient['consumers']['get']>>, upTo: number): Promise<JsMsg[]> {
  const messages: JsMsg[] = [];
  const batch = await consumer.fetch({ max_messages: BATCH, expires: WAIT_MS });
  for await (const message of batch) {
    messages.push(message);
    if (message.seq >= upTo) batch.stop();
  }
  return messages;
}

function eventIn<T>(message: JsMsg, { schema, upTo }: ReplayRange<T>): T[] {
  if (message.seq > upTo) return [];
  try {
    const parsed = schema.safeParse(message.json());
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
