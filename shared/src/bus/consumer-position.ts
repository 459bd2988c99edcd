// A power cut may take more of a stream than of a consumer's notes about it. Such a consumer waits for sequence numbers that come again only with later messages,
// and passes over every message until then (seen with nats-server 2.9): it must be made anew. After a
// cluster's leader froze, messages of a work queue stayed too that their consumer counted as given and acknowledged. Being ahead tells nothing there: a copy that lags may answer.
import { JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';

/** True when the consumer says that it was given messages which the stream does not have yet. */
export async function isAheadOfStream(manager: JetStreamManager, stream: string, consumer: string): Promise<boolean> {
  // In this order: a stream asked later can only be further on.
  const { delivered } = await manager.consumers.info(stream, consumer);
  const { state, config } = await manager.streams.info(stream);
  return config.num_replicas === 1 && delivered.stream_seq > state.last_seq;
}

/**
 * Of a work queue: messages that fit the consumer's filter, and that it will never give to anybody. To be asked while it is idle, and believed when it is told twice:
 * a message that comes between the two questions counts too.
 */
export async function passesOver(
  manager: JetStreamManager,
  stream: string,
  { consumer, filter }: { consumer: string; filter: string },
): Promise<boolean> {
  const { num_pending, num_ack_pending } = await manager.consumers.info(stream, consumer);
  const { state } = await manager.streams.info(stream, { subjects_filter: filter });
  const there = Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  return there > num_pending + num_ack_pending;
}

/**
 * `behind`: the consumer has come past it and waits for no acknowledgement, of this or of a later one: nobody will be given it. `given`: somebody was, and has perhaps not acknowledged it. `ahead`: nobody was yet.
 * Seen with nats-server 2.10 after a partition between two of three: 2,523 acknowledged, four messages after it in the stream, 4,851 given, and not one that the consumer waited for.
 */
export interface FirstMessage {
  readonly seq: number;
  readonly place: 'behind' | 'given' | 'ahead';
  /** How often the consumer has given a message, any one, to anybody. */
  readonly gifts: number;
}

/**
 * Of a work queue: the first message that fits the consumer's filter; undefined: there is none. May be asked under load, and is believed when the same is told again later: an acknowledged message leaves
 * a moment after it was acknowledged.
 */
export async function firstMessage(
  manager: JetStreamManager,
  stream: string,
  { consumer, filter }: { consumer: string; filter: string },
): Promise<FirstMessage | undefined> {
  const { ack_floor, delivered, num_ack_pending } = await manager.consumers.info(stream, consumer);
  const first = await manager.streams.getMessage(stream, { seq: 1, next_by_subj: filter } as never);
  if (first === null) return undefined;
  const { seq } = first;
  const gifts = delivered.consumer_seq;
  if (seq > Math.max(ack_floor.stream_seq, delivered.stream_seq)) return { seq, place: 'ahead', gifts };
  return { seq, place: seq <= ack_floor.stream_seq || num_ack_pending === 0 ? 'behind' : 'given', gifts };
}

/** Its messages come again from the first that the stream has. Another process may have been faster. */
export async function forgetConsumer(manager: JetStreamManager, stream: string, consumer: string): Promise<void> {
  try {
    await manager.consumers.delete(stream, consumer);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error;
  }
}

/** undefined: there is no such consumer. */
export async function positionOf(
  manager: JetStreamManager,
  stream: string,
  consumer: string,
): Promise<{ sequence: number; made: string } | undefined> {
  try {
    const { ack_floor } = await manager.consumers.info(stream, consumer);
    const { created } = await manager.streams.info(stream);
    return { sequence: ack_floor.stream_seq, made: String(created) };
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined;
    throw error;
  }
}

/** When the first message was published that the consumer has not acknowledged yet; undefined: there is none. */
export async function waitingSince(manager: JetStreamManager, stream: string, consumer: string): Promise<Date | undefined> {
  const { ack_floor } = await manager.consumers.info(stream, consumer);
  const { state } = await manager.streams.info(stream);
  const seq = Math.max(ack_floor.stream_seq + 1, state.first_seq);
  if (seq > state.last_seq) return undefined;
  return (await manager.streams.getMessage(stream, { seq }))?.time;
}
