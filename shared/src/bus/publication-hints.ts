// A word beside publications to a stream whose consumers are made on demand, so that who makes them need not wait for his next look: plain NATS, without any promise.
import type { NatsConnection } from '@nats-io/transport-node';
import { FLOW } from '../events/flow.ts';

const PREFIX = 'published.';
/** A subject is told so often at most. */
const TELL_AGAIN_AFTER_MS = 1_000;
/** Subjects remembered as told; beyond it all are forgotten, and told once more. */
const MOST_REMEMBERED = 10_000;

const TOLD = Object.values(FLOW)
  .filter(({ onDemand }) => onDemand)
  .flatMap(({ subjects }) => subjects.map((subject) => subject.slice(0, subject.indexOf('>'))));

export class PublicationHints {
  readonly #nats: NatsConnection;
  readonly #toldAt = new Map<string, number>();

  constructor(nats: NatsConnection) {
    this.#nats = nats;
  }

  /** To be called with each publication; throws nothing. */
  published(subject: string): void {
    if (!TOLD.some((prefix) => subject.startsWith(prefix))) return;
    const now = performance.now();
    if (now - (this.#toldAt.get(subject) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_AFTER_MS) return;
    if (this.#toldAt.size >= MOST_REMEMBERED) this.#toldAt.clear();
    this.#toldAt.set(subject, now);
    if (!this.#nats.isClosed()) this.#nats.publish(`${PREFIX}${subject}`);
  }

  /** `filter`: subjects of a stream, wildcards allowed. */
  follow(filter: string, call: (subject: string) => void): { stop(): void } {
    const subscription = this.#nats.subscribe(`${PREFIX}${filter}`, {
      callback: (error, message) => (error ? undefined : call(message.subject.slice(PREFIX.length))),
    });
    return { stop: () => subscription.unsubscribe() };
  }
}
