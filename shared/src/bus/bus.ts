// The port to JetStream: what a service says to it. nats-bus.ts is the only file that knows NATS.
import type { z } from 'zod';
import type { Fact } from '../events/facts.ts';
import type { StreamName } from '../events/flow.ts';
import type { ReplayRange } from './replay.ts';
import type { TakeOutRange } from './take-out.ts';

export interface PublishOptions {
  readonly subject: string;
  /** Nats-Msg-Id: an optimisation against doubles, never a guarantee. */
  readonly messageId: string;
  /** How long the acknowledgement may take [5000]. */
  readonly timeoutMs?: number;
}

export interface Message<T> {
  readonly event: T;
  /** 1 at first, counted by the server. */
  readonly deliveryCount: number;
  /** It is older than its consumer: a consumer before this one may have given it to somebody already, uncounted. */
  readonly olderThanConsumer?: boolean;
  /** When it was published, by the broker's clock. */
  readonly publishedAt?: Date;
}

export interface ConsumerPlan<T> {
  readonly stream: StreamName;
  /** Durable name: a-z 0-9 - _. */
  readonly name: string;
  /** Durable consumers of former releases that stand in the way of this one: removed as soon as nobody asks them for messages any more. */
  readonly replaces?: readonly string[];
  /** One filter subject (nats-server 2.9). */
  readonly filter: string;
  readonly schema: z.ZodType<T>;
  /** Handlers at work at a time in this process. */
  readonly concurrency: number;
  /** How long one pull waits for messages, ms, at least 1000 [15000]. A lost pull (broker restarted) costs at most this. */
  readonly pullMs?: number;
  /** Delay before the n-th redelivery after a TransientError, ms [1 s doubling to 60 s]. `retryAfterMs` of the error is honoured when longer. */
  readonly retryDelayMs?: (deliveryCount: number) => number;
  /**
   * The longest delay after which a message that was given back comes again, ms; undefined: nobody can say. When a message is neither acknowledged nor given again for half an hour more than that, and nothing
   * else is given, the consumer is made anew: what another replica still has at work then comes once more.
   */
  readonly longestDelayMs?: number;
  /**
   * What to do with a message that can never be handled (PermanentError, or a body that is not of the schema): publish the fact that says so.
   * It resolves before the message is acknowledged; when it throws the message comes back.
   */
  readonly onPermanent: (failure: { body: unknown; error: Error }) => Promise<void>;
}

export interface Consumption {
  /** Stops asking for messages; handlers at work go on. */
  pause(): void;
  resume(): void;
  /** Changes how many handlers may be at work; what is at work or asked for already goes on. */
  limit(concurrency: number): void;
  /** Asks for nothing more after what is asked for already, waits for that and its handlers: nothing is given back. */
  finish(): Promise<void>;
  /** Stops asking, waits for the handlers at work, gives back what was not begun. */
  stop(): Promise<void>;
}

export interface Bucket {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /**
   * Calls with the present value, if any, then with each change; goes on over reconnects. Resolves when the present state is known. A key that ends with `.*`
   * stands for several; their values may come again after a reconnect.
   */
  watch(key: string, onValue: (value: Uint8Array) => void): Promise<{ stop(): void }>;
}

export interface Backlog {
  readonly messages: number;
  readonly bytes: number;
  readonly most: { readonly messages: number; readonly bytes: number };
}

export interface StreamState {
  readonly stream: StreamName;
  readonly backlog: Backlog;
  /** `current`: those up to date, the leader among them; a server that is not part of a cluster has the one there is. */
  readonly copies: { readonly wanted: number; readonly current: number };
}

export interface Bus {
  /** Resolves when JetStream acknowledged. Throws PublicationRefused (surely not stored) or PublicationUnknown. */
  publish(event: object, options: PublishOptions): Promise<void>;
  /** Publishes a fact on its own type as subject; same promises as publish. The message id is the fact's id. */
  publishFact(fact: Fact): Promise<void>;
  /**
   * Runs the handler for each message: resolved = ack; TransientError or any other error = nak with growing delay; PermanentError = onPermanent, then ack.
   * `working()` is sent for as long as a handler runs. The handler runs inside the trace context of the message.
   */
  consume<T>(plan: ConsumerPlan<T>, handler: (message: Message<T>) => Promise<void>): Promise<Consumption>;
  /** A key-value bucket, made when absent. */
  bucket(name: string, options?: { maxAgeMs?: number }): Promise<Bucket>;
  /** Messages in a stream now, and what it takes at most. */
  backlog(stream: StreamName): Promise<Backlog>;
  /** Every stream of ours. */
  streams(): Promise<StreamState[]>;
  /** Messages in a stream now whose subject fits (wildcards allowed), under way or not: exact, whether or not a consumer exists yet. */
  queued(stream: StreamName, subject: string): Promise<number>;
  /** The subjects of a stream that fit and have messages now, under way or not, each with their number. */
  subjects(stream: StreamName, filter: string): Promise<ReadonlyMap<string, number>>;
  /** Calls with the subject of publications that fit, soon and not for each: a hint that can be lost. */
  onPublication(filter: string, call: (subject: string) => void): { stop(): void };
  /** Durable consumers of a stream that owe nothing and that nobody asks for messages. */
  idleConsumers(stream: StreamName): Promise<string[]>;
  /** Removes a durable consumer, unless it owes anything or somebody asks it for messages. True when it is gone. */
  removeIdleConsumer(stream: StreamName, consumer: string): Promise<boolean>;
  /** See take-out.ts. */
  takeOut<T>(range: TakeOutRange<T>, handler: (events: T[]) => Promise<boolean>): Promise<number>;
  /** Messages that a consumer has still to acknowledge (pending and under way); 0 when there is no such consumer. */
  unacknowledged(stream: StreamName, consumer: string): Promise<number>;
  /** When the first message was published that the consumer has not acknowledged; undefined: there is none. */
  waitingSince(stream: StreamName, consumer: string): Promise<Date | undefined>;
  /** Up to which message a consumer has acknowledged everything, and when its stream was made (one made anew counts from 1 again); undefined: there is no such consumer. */
  position(stream: StreamName, consumer: string): Promise<{ sequence: number; made: string } | undefined>;
  /** See replay.ts. */
  replay<T>(range: ReplayRange<T>, handler: (events: T[]) => Promise<void>): Promise<number>;
  /** See clock-offset.ts. */
  clockOffsetMs(): Promise<number | undefined>;
  /** Throws when JetStream cannot take a publication now (a probe is published and acknowledged). */
  probe(): Promise<void>;
  /** Ends every consumption and watch without waiting for handlers at work: their messages come back. */
  close(): Promise<void>;
}
