// Makes a durable consumer, and removes the idle ones. A work queue takes no two consumers whose filters overlap.
import { AckPolicy, type ConsumerInfo, DeliverPolicy, JetStreamApiError, type JetStreamManager } from '@nats-io/jetstream';
import type { StreamName } from '../events/flow.ts';
import type { Logger } from '../logger.ts';
import type { ConsumerPlan } from './bus.ts';
import { forgetConsumer } from './consumer-position.ts';

/** After this long without an answer JetStream gives the message to somebody else; `working()` is sent three times as often. */
export const ACK_WAIT_MS = 15_000;
const NANOS_PER_MS = 1_000_000;
/** Unacknowledged messages of one consumer over all replicas. */
const MAX_ACK_PENDING = 20_000;
/** "filtered consumer not unique on workqueue stream", and the same of a consumer without filter. */
const OVERLAPS = new Set([10_099, 10_100]);
const NOT_FOUND = 404;

type Planned = Pick<ConsumerPlan<unknown>, 'stream' | 'name' | 'filter' | 'replaces'>;

/** There already: as it is. Throws JetStreamApiError when refused, also while a predecessor that is still asked for messages stands in the way. */
export async function addConsumer(manager: JetStreamManager, plan: Planned, log: Logger): Promise<ConsumerInfo> {
  try {
    return await add(manager, plan);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    if (!OVERLAPS.has(error.code)) return await asItIs(manager, plan, error);
    for (const name of plan.replaces ?? []) await removePredecessor(manager, { stream: plan.stream, name }, log);
    return await add(manager, plan);
  }
}

function add(manager: JetStreamManager, { stream, name, filter }: Planned): Promise<ConsumerInfo> {
  return manager.consumers.add(stream, {
    durable_name: name,
    filter_subject: filter,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    ack_wait: ACK_WAIT_MS * NANOS_PER_MS,
    max_ack_pending: MAX_ACK_PENDING,
    max_deliver: -1,
  });
}

/**
 * nats-server 2.9 may lose the files of a consumer that is made while another process removes it. It lives on in memory and gives its messages, but making it once
 * more is refused, with words about a file (seen when two processes gave up and made the same consumers hundreds of times).
 */
async function asItIs(manager: JetStreamManager, { stream, name, filter }: Planned, refusal: JetStreamApiError): Promise<ConsumerInfo> {
  const info = await consumerInfo(manager, stream, name);
  if (info?.config.filter_subject !== filter) throw refusal;
  return info;
}

/** Its messages stay in the work queue. While a process of the former release asks it, that one serves them. */
async function removePredecessor(
  manager: JetStreamManager,
  { stream, name }: { stream: StreamName; name: string },
  log: Logger,
): Promise<void> {
  const info = await consumerInfo(manager, stream, name);
  if (info === undefined || info.num_waiting > 0) return;
  await forgetConsumer(manager, stream, name);
  log.info(
    { stream, consumer: name, pending: info.num_pending, unacknowledged: info.num_ack_pending },
    'consumer of a former release removed',
  );
}

/** By name, those that owe nothing and that nobody asks. */
export async function listIdleConsumers(manager: JetStreamManager, stream: StreamName): Promise<string[]> {
  const names: string[] = [];
  for await (const info of manager.consumers.list(stream)) if (isIdle(info)) names.push(info.name);
  return names;
}

/**
 * What is published at the same moment stays in the work queue until somebody makes the consumer again. A replica that begins to ask between our question and the
 * removal makes it again too; what it was given in between comes once more.
 */
export async function removeIdleConsumer(manager: JetStreamManager, stream: StreamName, name: string): Promise<boolean> {
  const info = await consumerInfo(manager, stream, name);
  if (info === undefined) return true;
  if (!isIdle(info)) return false;
  await forgetConsumer(manager, stream, name);
  return true;
}

const isIdle = ({ num_pending, num_ack_pending, num_waiting }: ConsumerInfo): boolean => num_pending + num_ack_pending + num_waiting === 0;

async function consumerInfo(manager: JetStreamManager, stream: StreamName, name: string): Promise<ConsumerInfo | undefined> {
  try {
    return await manager.consumers.info(stream, name);
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === NOT_FOUND) return undefined;
    throw error;
  }
}
