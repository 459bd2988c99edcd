// Whether a consumer of a work queue has passed messages over: they lie in the stream, and it gives them to nobody. It comes of a broker that was away, froze or was cut off.
import type { JetStreamManager } from '@nats-io/jetstream';
import { FLOW, type StreamName } from '../events/flow.ts';
import type { ConsumerPlan } from './bus.ts';
import { type FirstMessage, firstMessage, passesOver } from './consumer-position.ts';

/** A consumer that passes messages over comes of a broker that was away: so many times that nothing comes after that, it is asked about. */
const IDLE_PULLS_IN_DOUBT = 2;
/** Of a leader that froze only those connected to it know: after that it is asked about each so many times. */
const IDLE_PULLS_BETWEEN = 4;
/**
 * A consumer that never rests is asked so often about the first message that is there. Found after a partition between two of three nats-servers (2.9) under load: instances of 20 s had been acknowledged to
 * modalities, lay in RECEIVED, and nobody was given them for as long as others came.
 */
const LOOK_EVERY_MS = 20_000;
/**
 * A message of these is done within a minute or two, or given back for a minute at most. One that stays the first for longer was given to somebody who has gone, and is not given again: seen with 2.10 after two of
 * three nats-servers had lost each other and the disk of one had been slow, until the consumer's leader changed. Where another replica is at it after all, the same work is done twice, and counts once.
 */
const STAYS_FIRST_MS: Partial<Record<StreamName, number>> = { RECEIVED: 180_000, READY: 180_000, DERIVATIONS: 180_000 };

/**
 * Where messages may be given back for long, or be at work for long in another replica, one that stays the first tells nothing. It was given to somebody who has gone when for so much longer than the longest delay
 * the consumer gave nothing to anybody.
 */
const RESTS_MS = 30 * 60_000;

/** Whether this process is at work on the message with the sequence number. */
export type AtWork = (seq: number) => boolean;

type AskedPlan = Pick<ConsumerPlan<unknown>, 'stream' | 'name' | 'filter' | 'longestDelayMs'>;

/** Of the last look. */
interface Seen extends FirstMessage {
  /** It is the first since then, ms. */
  readonly since: number;
  /** Nobody was given anything since then, ms. */
  readonly restsSince: number;
}

export class PassedOver {
  readonly #manager: JetStreamManager;
  readonly #plan: AskedPlan;
  readonly #now: () => number;
  /** Idle pulls until it is no longer asked each time; below 0, how many ago. */
  #doubts = IDLE_PULLS_IN_DOUBT;
  #foundBefore = false;
  #lookedAt: number;
  #first: Seen | undefined;

  /** `now`: milliseconds that only grow. */
  constructor(manager: JetStreamManager, plan: AskedPlan, now: () => number) {
    this.#manager = manager;
    this.#plan = plan;
    this.#now = now;
    this.#lookedAt = now();
  }

  /** The broker was away. */
  doubt(): void {
    this.#doubts = IDLE_PULLS_IN_DOUBT;
  }

  /** To be asked after each pull. Why the consumer has to be made anew; undefined: it has not, or not for certain. */
  async reasonAfter(pull: 'idle' | 'busy', isAtWork: AtWork): Promise<string | undefined> {
    if (FLOW[this.#plan.stream].retention !== 'workqueue') return undefined;
    return pull === 'idle' ? await this.#afterIdlePull(isAtWork) : await this.#afterBusyPull(isAtWork);
  }

  /** Numbers that the consumer waits for may have been given to other messages before it was looked at. */
  async #afterIdlePull(isAtWork: AtWork): Promise<string | undefined> {
    this.#doubts--;
    if (this.#doubts < 0 && -this.#doubts % IDLE_PULLS_BETWEEN !== 0) return undefined;
    const { stream, name: consumer, filter } = this.#plan;
    const found = await passesOver(this.#manager, stream, { consumer, filter });
    const certain = found && this.#foundBefore;
    this.#foundBefore = found && !this.#foundBefore;
    if (found) this.doubt();
    return certain ? 'messages stay that the consumer gives to nobody' : await this.#lookAtFirst(isAtWork);
  }

  /** Under a load that never rests, what was passed over would wait until it does. */
  async #afterBusyPull(isAtWork: AtWork): Promise<string | undefined> {
    if (this.#now() - this.#lookedAt < LOOK_EVERY_MS) return undefined;
    return await this.#lookAtFirst(isAtWork);
  }

  async #lookAtFirst(isAtWork: AtWork): Promise<string | undefined> {
    this.#lookedAt = this.#now();
    const { stream, name: consumer, filter } = this.#plan;
    const [before, first] = [this.#first, await firstMessage(this.#manager, stream, { consumer, filter })];
    // Behind and given may take turns: a consumer that gives others waits for an acknowledgement now and then.
    const isSame = before?.seq === first?.seq && (before?.place === 'ahead') === (first?.place === 'ahead');
    const kept = isSame ? before : undefined;
    const since = kept?.since ?? this.#lookedAt;
    const restsSince = kept?.gifts === first?.gifts ? (kept?.restsSince ?? this.#lookedAt) : this.#lookedAt;
    this.#first = first && { ...first, since, restsSince };
    if (kept === undefined || this.#first === undefined) return undefined;
    const reason = this.#reasonToDoubt(this.#first, kept, isAtWork);
    if (reason !== undefined) this.#first = undefined;
    return reason;
  }

  /** Of a message that was the first at the last look as well. */
  #reasonToDoubt({ seq, place, since, restsSince }: Seen, before: Seen, isAtWork: AtWork): string | undefined {
    if (place === 'behind' && before.place === 'behind') return 'messages lie behind what the consumer has given';
    if (place === 'ahead' || isAtWork(seq)) return undefined;
    const staysMs = STAYS_FIRST_MS[this.#plan.stream] ?? Number.POSITIVE_INFINITY;
    const restsMs = (this.#plan.longestDelayMs ?? Number.POSITIVE_INFINITY) + RESTS_MS;
    const isForgotten = this.#lookedAt - since >= staysMs || this.#lookedAt - restsSince >= restsMs;
    return isForgotten ? 'a message was given, and then neither acknowledged nor given again' : undefined;
  }
}
