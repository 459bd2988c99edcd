// One durable pull consumer at work: takes only as many messages as handlers are free, so nothing waits unhandled in this process.
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Consumer,
  type ConsumerInfo,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
} from '@nats-io/jetstream';
import { describeError, PermanentError, TransientError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { ACK_WAIT_MS, addConsumer } from './add-consumer.ts';
import type { ConsumerPlan, Consumption, Message } from './bus.ts';
import { forgetConsumer, isAheadOfStream } from './consumer-position.ts';
import { inProcessSpan } from './message-spans.ts';
import { PassedOver } from './passed-over.ts';
import { readEvent } from './read-event.ts';

export interface ConsumingConnection {
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly onReconnect: Set<() => void>;
  readonly onClose: Set<() => Promise<void> | void>;
  readonly log: Logger;
  readonly mend: () => Promise<void>;
  /** Milliseconds that only grow [performance.now]. */
  readonly now?: () => number;
}

const PULL_EXPIRES_MS = 15_000;
const AGAIN_AFTER_ERROR_MS = 500;
const doublingDelayMs = (deliveryCount: number): number => Math.min(1_000 * 2 ** (deliveryCount - 1), 60_000);

/** Makes the durable consumer when absent and starts to pull. */
export async function consumeMessages<T>(
  connection: ConsumingConnection,
  plan: ConsumerPlan<T>,
  handler: (message: Message<T>) => Promise<void>,
): Promise<Consumption> {
  const pull = new PullLoop(connection, plan, handler);
  await pull.ensureConsumer();
  connection.onReconnect.add(pull.reconnected);
  connection.onClose.add(pull.abandon);
  pull.run();
  const ended = async (end: () => Promise<void>): Promise<void> => {
    connection.onReconnect.delete(pull.reconnected);
    await end();
    connection.onClose.delete(pull.abandon);
  };
  return {
    pause: () => pull.pause(),
    resume: () => pull.resume(),
    limit: (concurrency) => pull.limit(concurrency),
    finish: () => ended(() => pull.finish()),
    stop: () => ended(() => pull.stop()),
  };
}

class PullLoop<T> {
  readonly #connection: ConsumingConnection;
  readonly #plan: ConsumerPlan<T>;
  readonly #handler: (message: Message<T>) => Promise<void>;
  readonly #active = new Set<JsMsg>();
  #consumer: Consumer | undefined;
  /** Of the consumer, ms since 1970 by the broker's clock. */
  #madeAt = 0;
  #limit: number;
  #running: Promise<void> = Promise.resolve();
  #current: { stop(): void } | undefined;
  #paused = false;
  #stopped = false;
  #finishing = false;
  /** The broker was away: it may have lost the consumer with its data. */
  #suspect = false;
  readonly #passedOver: PassedOver;
  #wake: () => void = () => {};
  readonly #heartbeat: NodeJS.Timeout;

  constructor(connection: ConsumingConnection, plan: ConsumerPlan<T>, handler: (message: Message<T>) => Promise<void>) {
    this.#connection = connection;
    this.#plan = plan;
    this.#handler = handler;
    this.#limit = plan.concurrency;
    this.#passedOver = new PassedOver(connection.manager, plan, connection.now ?? (() => performance.now()));
    this.#heartbeat = setInterval(() => {
      for (const message of this.#active) message.working();
    }, ACK_WAIT_MS / 3);
    this.#heartbeat.unref();
  }

  async ensureConsumer(): Promise<void> {
    const { stream, name } = this.#plan;
    const { manager, client } = this.#connection;
    try {
      const { delivered } = await this.#add();
      // Of a cluster that has no leader for it yet nobody can tell: it is looked at again when nothing comes.
      if (delivered.stream_seq > 0 && (await isAheadOfStream(manager, stream, name).catch(() => false)))
        await this.#makeAnew('the stream lost its end in a crash');
    } catch (error) {
      if (!(error instanceof JetStreamApiError))
        throw new TransientError(`consumer ${name} on ${stream}: JetStream did not answer`, { cause: error });
      throw new TransientError(`consumer ${name} on ${stream} was refused`, { cause: error });
    }
    this.#consumer = await client.consumers.get(stream, name);
  }

  async #makeAnew(because: string): Promise<void> {
    const { stream, name } = this.#plan;
    this.#connection.log.warn({ consumer: name, stream }, `${because}: the consumer is made anew`);
    await forgetConsumer(this.#connection.manager, stream, name);
    await this.#add();
  }

  async #add(): Promise<ConsumerInfo> {
    const { manager, log } = this.#connection;
    const info = await addConsumer(manager, this.#plan, log);
    this.#madeAt = Date.parse(info.created);
    return info;
  }

  limit(concurrency: number): void {
    this.#limit = concurrency;
    this.#wake();
  }

  pause(): void {
    this.#paused = true;
    this.interrupt();
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  /** Ends the pull under way; the loop goes on with a new one. */
  interrupt(): void {
    this.#current?.stop();
  }

  readonly reconnected = (): void => {
    this.#suspect = true;
    this.#passedOver.doubt();
    this.interrupt();
  };

  /** The bus is closed: what is at work cannot be acknowledged any more and will come back. */
  readonly abandon = (): void => {
    this.#end();
    clearInterval(this.#heartbeat);
  };

  async stop(): Promise<void> {
    this.#end();
    await this.#handlersEnded();
  }

  /** A pull that is cut may have messages on their way, which would come again only when their acknowledgement is overdue. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#wake();
    await this.#running;
    this.#stopped = true;
    await this.#handlersEnded();
  }

  async #handlersEnded(): Promise<void> {
    while (this.#active.size > 0) await new Promise<void>((resolve) => this.#onWake(resolve));
    clearInterval(this.#heartbeat);
  }

  #end(): void {
    this.#stopped = true;
    this.interrupt();
    this.#wake();
  }

  run(): void {
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    while (!this.#stopped && !this.#finishing) {
      const free = this.#limit - this.#active.size;
      if (this.#paused || free <= 0) {
        await new Promise<void>((resolve) => this.#onWake(resolve));
        continue;
      }
      try {
        await this.#pull(free);
      } catch (error) {
        await this.#recover(error);
      }
    }
  }

  async #pull(count: number): Promise<void> {
    if (this.#suspect) {
      this.#suspect = false;
      await this.ensureConsumer();
      if (this.#paused || this.#stopped) return;
    }
    const messages = await this.#consumer!.fetch({ max_messages: count, expires: this.#plan.pullMs ?? PULL_EXPIRES_MS });
    this.#current = messages;
    let idle = true;
    try {
      for await (const message of messages) {
        idle = false;
        if (this.#paused || this.#stopped) message.nak();
        else void this.#handle(message);
      }
    } finally {
      this.#current = undefined;
    }
    if (this.#stopped) return;
    const reason = await this.#passedOver.reasonAfter(idle ? 'idle' : 'busy', (seq) =>
      [...this.#active].some((message) => message.seq === seq),
    );
    if (reason !== undefined) await this.#makeAnew(reason);
  }

  /** The broker was restarted, or lost its data: make again what is missing. */
  async #recover(error: unknown): Promise<void> {
    if (this.#stopped) return;
    this.#connection.log.warn({ consumer: this.#plan.name, reason: describeError(error) }, 'pull failed, trying again');
    await delay(AGAIN_AFTER_ERROR_MS);
    if (this.#stopped) return;
    try {
      await this.ensureConsumer();
    } catch (again) {
      this.#connection.log.warn({ consumer: this.#plan.name, reason: describeError(again) }, 'consumer is not there');
      await Promise.race([this.#connection.mend(), delay(PULL_EXPIRES_MS, undefined, { ref: false })]);
    }
  }

  async #handle(message: JsMsg): Promise<void> {
    this.#active.add(message);
    try {
      await this.#handleInTrace(message);
      message.ack();
    } catch (error) {
      const delayMs = this.#delayOf(message, error);
      this.#connection.log.debug({ consumer: this.#plan.name, delayMs, reason: describeError(error) }, 'given back');
      message.nak(delayMs);
    } finally {
      this.#active.delete(message);
      this.#wake();
    }
  }

  async #handleInTrace(message: JsMsg): Promise<void> {
    const read = readEvent(message, this.#plan);
    if ('error' in read) return await this.#plan.onPermanent(read);
    const { body, event } = read;
    try {
      const { stream, name: consumer } = this.#plan;
      const traceparent = message.headers?.get('traceparent') ?? '';
      const { deliveryCount } = message.info;
      const olderThanConsumer = message.time.getTime() < this.#madeAt;
      const handle = () => this.#handler({ event, deliveryCount, olderThanConsumer, publishedAt: message.time });
      await (stream === 'FACTS' ? handle() : inProcessSpan({ stream, consumer, traceparent }, event, handle));
    } catch (error) {
      if (!(error instanceof PermanentError)) throw error;
      await this.#plan.onPermanent({ body, error });
    }
  }

  #delayOf(message: JsMsg, error: unknown): number {
    const planned = (this.#plan.retryDelayMs ?? doublingDelayMs)(message.info.deliveryCount);
    const asked = error instanceof TransientError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(planned, asked);
  }

  #onWake(resolve: () => void): void {
    const before = this.#wake;
    this.#wake = () => {
      this.#wake = () => {};
      before();
      resolve();
    };
  }
}
