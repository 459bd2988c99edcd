// The queues of one follower (a destination, or a whole service): a durable consumer for each lane and facility that has work, made when there is some and removed
// when there was none for a while. What is published while one is removed stays in the work queue, and the next look finds it.
import { describeError } from '../errors.ts';
import type { StreamName } from '../events/flow.ts';
import { type Lane, lanes } from '../events/instance.ts';
import type { Logger } from '../logger.ts';
import type { Bus, Consumption } from './bus.ts';
import type { SubjectFollower } from './subject-watch.ts';

/** `<prefix>.<lane>.<facility>` */
export interface QueueName {
  readonly subject: string;
  readonly lane: Lane;
  readonly facility: string;
}

export interface QueuesParts {
  readonly bus: Pick<Bus, 'removeIdleConsumer'>;
  readonly stream: StreamName;
  /** Makes the durable consumer when absent and begins to take messages, at most `concurrency` at a time. */
  readonly consume: (queue: QueueName, concurrency: number) => Promise<Consumption>;
  /** Of the durable consumer. */
  readonly consumerName: (queue: QueueName) => string;
  /** How many messages each of these queues, which all have work, may have in hand. */
  readonly allot: (queues: readonly QueueName[]) => readonly number[];
  /** Whether messages of a queue may be taken now [always]; see `review`. */
  readonly mayTake?: (queue: QueueName) => boolean;
  /** Looks without a message until a queue is given up [24, two minutes]. */
  readonly idleLooks?: number;
  readonly log: Logger;
}

/** Making a consumer costs some milliseconds, keeping one 30 KB in the broker and a pull every 15 s. */
const IDLE_LOOKS = 24;

interface Open {
  readonly name: QueueName;
  readonly consumption: Promise<Consumption | undefined>;
  idleLooks: number;
}

export class QueuesOnDemand implements SubjectFollower {
  readonly #parts: QueuesParts;
  readonly #open = new Map<string, Open>();
  /** Being given up; true: something was seen meanwhile. */
  readonly #closing = new Map<string, { seen: boolean; done: Promise<void> }>();
  /** With messages, at the last look or since. */
  readonly #known = new Map<string, QueueName>();
  #paused = false;
  #stopped = false;

  constructor(parts: QueuesParts) {
    this.#parts = parts;
  }

  /** Durable consumers in use here. */
  get size(): number {
    return this.#open.size;
  }

  seen(subject: string): void {
    const name = parseSubject(subject);
    if (name === undefined || this.#stopped) return;
    this.#known.set(subject, name);
    const closing = this.#closing.get(subject);
    if (closing !== undefined) closing.seen = true;
    else if (!this.#open.has(subject) && !this.#isHeld(name)) this.#begin(name);
  }

  looked(counts: ReadonlyMap<string, number>): void {
    for (const subject of this.#known.keys()) if (!counts.has(subject)) this.#known.delete(subject);
    for (const [subject, queue] of this.#open) {
      queue.idleLooks = counts.has(subject) ? 0 : queue.idleLooks + 1;
      if (queue.idleLooks > (this.#parts.idleLooks ?? IDLE_LOOKS)) this.#giveUp(queue);
    }
    this.#share();
  }

  /** Takes no messages until resumed; consumers are kept for what is queued. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.review();
  }

  resume(): void {
    if (!this.#paused || this.#stopped) return;
    this.#paused = false;
    this.review();
  }

  /** To be called when `mayTake` may have changed. */
  review(): void {
    if (this.#stopped) return;
    for (const { name, consumption } of this.#open.values())
      void consumption.then((one) => (this.#isHeld(name) ? one?.pause() : one?.resume()));
    for (const name of this.#known.values()) this.seen(name.subject);
    this.#share();
  }

  /** Stops asking, waits for the handlers at work, gives back what was not begun. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const ends = [...this.#open.values()].map(async ({ consumption }) => await (await consumption)?.stop());
    await Promise.all([...ends, ...[...this.#closing.values()].map(({ done }) => done)]);
    this.#open.clear();
  }

  #begin(name: QueueName): void {
    const queue: Open = { name, consumption: this.#consume(name), idleLooks: 0 };
    this.#open.set(name.subject, queue);
    void queue.consumption.then((consumption) => {
      // Not to be had now: the next look tries again.
      if (consumption === undefined) this.#open.delete(name.subject);
      else if (this.#isHeld(name)) consumption.pause();
    });
  }

  async #consume(name: QueueName): Promise<Consumption | undefined> {
    const working = [...this.#working().map((queue) => queue.name), name];
    try {
      return await this.#parts.consume(name, this.#parts.allot(working).at(-1)!);
    } catch (error) {
      this.#parts.log.warn({ consumer: this.#parts.consumerName(name), reason: describeError(error) }, 'queue is not served yet');
      return undefined;
    }
  }

  /** Those without work keep what they had, which costs nothing. */
  #share(): void {
    const working = this.#working();
    const limits = this.#parts.allot(working.map(({ name }) => name));
    for (const [place, { consumption }] of working.entries()) void consumption.then((one) => one?.limit(limits[place]!));
  }

  #working(): Open[] {
    return [...this.#open.values()].filter(({ name, idleLooks }) => idleLooks === 0 && !this.#isHeld(name));
  }

  #isHeld(name: QueueName): boolean {
    return this.#paused || this.#parts.mayTake?.(name) === false;
  }

  #giveUp(queue: Open): void {
    const { subject } = queue.name;
    this.#open.delete(subject);
    const closing = { seen: false, done: Promise.resolve() };
    this.#closing.set(subject, closing);
    closing.done = this.#close(queue).then(() => {
      this.#closing.delete(subject);
      if (closing.seen) this.seen(subject);
    });
  }

  async #close({ name, consumption }: Open): Promise<void> {
    const { bus, stream, consumerName, log } = this.#parts;
    try {
      await (await consumption)?.finish();
      await bus.removeIdleConsumer(stream, consumerName(name));
    } catch (error) {
      log.debug({ consumer: consumerName(name), reason: describeError(error) }, 'idle consumer was not removed');
    }
  }
}

/** undefined: not of the form. */
function parseSubject(subject: string): QueueName | undefined {
  const [facility, lane] = subject.split('.').reverse();
  const known = lanes.find((one) => one === lane);
  return facility === undefined || known === undefined ? undefined : { subject, lane: known, facility };
}
