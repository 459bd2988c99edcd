// A bus for tests that keeps what was published, and whose queues are as long as the test says.
import { PublicationRefused } from '../errors.ts';
import type { Fact } from '../events/facts.ts';
import type { Backlog, Bucket, Bus, PublishOptions, StreamState } from './bus.ts';

export interface Published {
  readonly event: Record<string, unknown> & { type: string; generation: number };
  readonly to: PublishOptions;
}

export class RecordingBus implements Bus {
  readonly published: Published[] = [];
  readonly facts: Fact[] = [];
  /** Messages by stream, by `<stream> <subject>`, or by `<stream> <consumer>`; absent: none. */
  readonly queues = new Map<string, number>();
  /** Called at each look at a queue; a test lets the world move on between two looks. */
  onLook: () => void = () => {};
  /** JetStream refuses every publication. */
  refusing = false;
  readonly #buckets = new Map<string, Bucket>();

  async publish(event: object, to: PublishOptions): Promise<void> {
    if (this.refusing) throw new PublicationRefused(`${to.subject} was refused`, { full: false });
    this.published.push({ event: event as Published['event'], to });
  }

  async publishFact(fact: Fact): Promise<void> {
    if (this.refusing) throw new PublicationRefused(`${fact.type} was refused`, { full: false });
    this.facts.push(fact);
  }

  consume(): never {
    throw new Error('the recording bus consumes nothing');
  }

  async bucket(name: string): Promise<Bucket> {
    const bucket = this.#buckets.get(name) ?? memoryBucket();
    this.#buckets.set(name, bucket);
    return bucket;
  }

  async backlog(stream: string): Promise<Backlog> {
    return { messages: this.#look(stream), bytes: 0, most: { messages: 5_000_000, bytes: 10 ** 12 } };
  }

  async streams(): Promise<StreamState[]> {
    return [];
  }

  async queued(stream: string, subject: string): Promise<number> {
    return this.#look(`${stream} ${subject}`);
  }

  onPublication(): { stop(): void } {
    return { stop: () => {} };
  }

  async idleConsumers(): Promise<string[]> {
    return [];
  }

  async removeIdleConsumer(): Promise<boolean> {
    return false;
  }

  async unacknowledged(stream: string, consumer: string): Promise<number> {
    return this.#look(`${stream} ${consumer}`);
  }

  async subjects(stream: string): Promise<Map<string, number>> {
    const named = [...this.queues].filter(([queue]) => queue.startsWith(`${stream} `) && !queue.endsWith('>'));
    return new Map(named.map(([queue, count]) => [queue.slice(stream.length + 1), count]));
  }

  takeOut(): never {
    throw new Error('the recording bus keeps no streams');
  }

  async position(): Promise<undefined> {}

  async waitingSince(): Promise<undefined> {}

  replay(): never {
    throw new Error('the recording bus keeps no streams');
  }

  async clockOffsetMs(): Promise<undefined> {}
  async probe(): Promise<void> {}
  async close(): Promise<void> {}

  #look(queue: string): number {
    this.onLook();
    return this.queues.get(queue) ?? 0;
  }
}

function memoryBucket(): Bucket {
  const values = new Map<string, Uint8Array>();
  const watchers = new Set<{ key: string; onValue: (value: Uint8Array) => void }>();
  return {
    get: async (key) => values.get(key),
    put: async (key, value) => {
      values.set(key, value);
      for (const watcher of watchers) if (watcher.key === key || watcher.key === key.replace(/[^.]*$/, '*')) watcher.onValue(value);
    },
    delete: async (key) => void values.delete(key),
    watch: async (key, onValue) => {
      const watcher = { key, onValue };
      watchers.add(watcher);
      const present = values.get(key);
      if (present) onValue(present);
      return { stop: () => void watchers.delete(watcher) };
    },
  };
}
