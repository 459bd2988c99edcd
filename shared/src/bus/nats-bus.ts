// The bus on NATS JetStream: connects for ever, makes the streams, publishes with an answer that says what is known.
import { randomUUID } from 'node:crypto';
import { JetStreamApiError, type JetStreamClient, type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, headers, type NatsConnection } from '@nats-io/transport-node';
import { context, propagation } from '@opentelemetry/api';
import { describeError, PublicationRefused } from '../errors.ts';
import type { Fact } from '../events/facts.ts';
import { FLOW, type StreamName } from '../events/flow.ts';
import type { Logger } from '../logger.ts';
import { AcknowledgedPublisher } from './acknowledged-publisher.ts';
import { listIdleConsumers, removeIdleConsumer } from './add-consumer.ts';
import type { Bucket, Bus, ConsumerPlan, Consumption, Message, PublishOptions } from './bus.ts';
import { clockOffsetMs } from './clock-offset.ts';
import { positionOf, waitingSince } from './consumer-position.ts';
import { consumeMessages } from './consumption.ts';
import { inPublishSpan } from './message-spans.ts';
import { accessOptions, type NatsAccess } from './nats-access.ts';
import { openBucket } from './nats-bucket.ts';
import { PublicationHints } from './publication-hints.ts';
import { replayMessages } from './replay.ts';
import { RepliedRequests } from './replied-requests.ts';
import { ensureStreams, PROBES, type StreamSizing } from './stream-configuration.ts';
import { stateOf } from './stream-state.ts';
import { takeOutMessages } from './take-out.ts';

export interface BusOptions extends NatsAccess {
  readonly name: string;
  readonly sizing: StreamSizing;
  readonly log: Logger;
}

const PUBLISH_TIMEOUT_MS = 5_000;
/**
 * A dead TCP peer is noticed after two of these. Where there are other servers to go to, a receiver that owes an answer goes soon (measured: a frozen leader of a
 * cluster of three, 7 s until publications are taken again); where there is one only, going costs what is under way and gains nothing.
 */
const PING_INTERVAL_MS = { oneServer: 10_000, several: 1_000 };
/** Of one try to connect: a frozen server takes connections and never says a word. */
const CONNECT_TIMEOUT_MS = { oneServer: 20_000, several: 2_000 };
/** Waits between reconnects: short, because an image is waiting; jitter by the client. */
const RECONNECT_WAIT_MS = 250;
const STREAMS_AGAIN_AFTER_MS = 1_000;

interface Connection {
  readonly nats: NatsConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  connected: boolean;
  onReconnect: Set<() => void>;
  onDisconnect: Set<() => void>;
  onClose: Set<() => Promise<void> | void>;
}

/** Resolves once connected and all streams exist; waits for NATS as long as it takes. */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const access = accessOptions(options, options.log);
  const howMany = access.servers.length > 1 ? 'several' : 'oneServer';
  const nats = await connect({
    ...access,
    timeout: CONNECT_TIMEOUT_MS[howMany],
    name: options.name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    pingInterval: PING_INTERVAL_MS[howMany],
    maxPingOut: 2,
    // Else two refused sign-ins, while passwords are being changed, would close the connection for ever.
    ignoreAuthErrorAbort: true,
  });
  const client = jetstream(nats, { timeout: PUBLISH_TIMEOUT_MS });
  const manager = await jetstreamManager(nats, { checkAPI: false });
  const listeners = {
    onReconnect: new Set<() => void>(),
    onDisconnect: new Set<() => void>(),
    onClose: new Set<() => Promise<void> | void>(),
  };
  const connection: Connection = { nats, client, manager, connected: true, ...listeners };
  void followStatus(connection, options.log);
  await ensureStreamsForEver(connection, options);
  return busOn(connection, options);
}

async function followStatus(connection: Connection, log: Logger): Promise<void> {
  for await (const status of connection.nats.status()) {
    if (status.type === 'disconnect') {
      connection.connected = false;
      log.warn('nats: connection lost, reconnecting');
      for (const listener of connection.onDisconnect) listener();
    }
    if (status.type === 'reconnect') {
      connection.connected = true;
      log.info('nats: connected again');
      for (const listener of connection.onReconnect) listener();
    }
  }
}

async function ensureStreamsForEver(connection: Connection, options: BusOptions): Promise<void> {
  for (;;) {
    try {
      await ensureStreams(connection.manager, options.sizing);
      return;
    } catch (error) {
      if (connection.nats.isClosed()) return;
      options.log.warn({ reason: describeError(error) }, 'JetStream is not ready, trying again');
      await new Promise((resolve) => setTimeout(resolve, STREAMS_AGAIN_AFTER_MS));
    }
  }
}

function busOn(connection: Connection, options: BusOptions): Bus {
  let mending: Promise<void> | undefined;
  // JetStream may have lost its data while we run: the streams are made again, once at a time.
  const mend = () => {
    mending ??= ensureStreamsForEver(connection, options).finally(() => {
      mending = undefined;
    });
    return mending;
  };
  /** Replicas of a service have one name. */
  const self = randomUUID();
  const requests = new RepliedRequests(connection.nats);
  const publisher = new AcknowledgedPublisher(requests, () => void mend());
  connection.onDisconnect.add(() => requests.connectionLost());
  const hints = new PublicationHints(connection.nats);
  const publish = (event: object, to: PublishOptions) =>
    inPublishSpan(to, event, async () => {
      await publishInTrace(connection, publisher, [event, to]);
      hints.published(to.subject);
    });
  return {
    publish,
    publishFact: (fact: Fact) => publish(fact, { subject: fact.type, messageId: fact.id }),
    consume: <T>(plan: ConsumerPlan<T>, handler: (message: Message<T>) => Promise<void>): Promise<Consumption> =>
      consumeMessages({ ...connection, log: options.log, mend }, plan, handler),
    bucket: (name, settings): Promise<Bucket> =>
      openBucket({ ...connection, requests, publisher }, name, { ...settings, replicas: options.sizing.replicas, log: options.log }),
    backlog: async (stream) => (await stateOf(connection.manager, stream)).backlog,
    streams: () => Promise.all((Object.keys(FLOW) as StreamName[]).map((stream) => stateOf(connection.manager, stream))),
    queued: async (stream, subject) =>
      [...(await countBySubject(connection, stream, subject)).values()].reduce((sum, count) => sum + count, 0),
    subjects: (stream, filter) => countBySubject(connection, stream, filter),
    onPublication: (filter, call) => hints.follow(filter, call),
    idleConsumers: (stream) => listIdleConsumers(connection.manager, stream),
    removeIdleConsumer: (stream, consumer) => removeIdleConsumer(connection.manager, stream, consumer),
    takeOut: (range, handler) => takeOutMessages(connection.manager, range, handler),
    position: (stream, consumer) => positionOf(connection.manager, stream, consumer),
    replay: (range, handler) => replayMessages(connection, range, handler),
    waitingSince: (stream, consumer) => waitingSince(connection.manager, stream, consumer),
    unacknowledged: (stream, consumer) => countUnacknowledged(connection.manager, stream, consumer),
    clockOffsetMs: () => {
      const subject = `probe.clock.${self}`;
      const publishProbe = () => publish({ probe: true }, { subject, messageId: `${subject}.${Date.now()}`, timeoutMs: 2_000 });
      return clockOffsetMs(connection.manager, PROBES.name, { subject, publish: publishProbe });
    },
    probe: () =>
      publish({ probe: true }, { subject: `probe.${options.name}`, messageId: `probe.${options.name}.${Date.now()}`, timeoutMs: 2_000 }),
    close: async () => {
      const ends = [...connection.onClose].map((end) => end());
      if (connection.connected) await Promise.all(ends);
      // Draining waits for the server to have taken everything.
      await (connection.connected ? connection.nats.drain() : connection.nats.close());
      requests.close();
    },
  };
}

async function publishInTrace(
  connection: Connection,
  publisher: AcknowledgedPublisher,
  [event, to]: [object, PublishOptions],
): Promise<void> {
  if (!connection.connected || connection.nats.isClosed())
    throw new PublicationRefused(`nats is not connected: ${to.subject} was not published`, { full: false });
  const carrier: { traceparent?: string } = {};
  propagation.inject(context.active(), carrier);
  const messageHeaders = headers();
  messageHeaders.set('Nats-Msg-Id', to.messageId);
  if (carrier.traceparent) messageHeaders.set('traceparent', carrier.traceparent);
  const body = JSON.stringify(carrier.traceparent ? { ...event, traceparent: carrier.traceparent } : event);
  await publisher.publish({ subject: to.subject, headers: messageHeaders, timeoutMs: to.timeoutMs ?? PUBLISH_TIMEOUT_MS }, body);
}

async function countBySubject({ manager }: Connection, stream: StreamName, filter: string): Promise<ReadonlyMap<string, number>> {
  const { state } = await manager.streams.info(stream, { subjects_filter: filter });
  return new Map(Object.entries(state.subjects ?? {}));
}

async function countUnacknowledged(manager: JetStreamManager, stream: string, consumer: string): Promise<number> {
  try {
    const info = await manager.consumers.info(stream, consumer);
    return info.num_pending + info.num_ack_pending;
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return 0;
    throw error;
  }
}
