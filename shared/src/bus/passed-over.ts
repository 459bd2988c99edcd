// Whether a consumer of a work queue has passed messages over: they lie in the stream, and it gives them to nobody. It comes of a broker that was away, froze or was cut off.
import type { JetStreamManager } from '@nats-io/jetstream';
import { FLOW } from '../events/flow.ts';
import type { ConsumerPlan } from './bus.ts';
import { firstBehind, passesOver } from './consumer-position.ts';

/** A consumer that passes messages over comes of a broker that was away: so many times that nothing comes after that, it is asked about. */
const IDLE_PULLS_IN_DOUBT = 2;
/** Of a leader that froze only those connected to it know: after that it is asked about each so many times. */
const IDLE_PULLS_BETWEEN = 4;
/**
 * A consumer that never rests is asked so often whether messages lie behind it. Found after a partition between two of three nats-servers (2.9) under load: instances of 20 s had been acknowledged to
 * modalities, lay in RECEIVED, and nobody was given them for as long as others came.
 */
const LOOK_BEHIND_EVERY_MS = 20_000;

export class PassedOver {
  readonly #manager: JetStreamManager;
  readonly #plan: Pick<ConsumerPlan<unknown>, 'stream' | 'name' | 'filter'>;
  readonly #now: () => number;
  /** Idle pulls until it is no longer asked each time; below 0, how many ago. */
  #doubts = IDLE_PULLS_IN_DOUBT;
  #foundBefore = false;
  #lookedBehindAt: number;
  /** Sequence number of what lay behind at the last look. */
  #behind: number | undefined;

  /** `now`: milliseconds that only grow. */
  constructor(manager: JetStreamManager, plan: Pick<ConsumerPlan<unknown>, 'stream' | 'name' | 'filter'>, now: () => number) {
    this.#manager = manager;
    this.#plan = plan;
    this.#now = now;
    this.#lookedBehindAt = now();
  }

  /** The broker was away. */
  doubt(): void {
    this.#doubts = IDLE_PULLS_IN_DOUBT;
  }

  /** To be asked after each pull. Why the consumer has to be made anew; undefined: it has not, or not for certain. */
  async reasonAfter(pull: 'idle' | 'busy'): Promise<string | undefined> {
    if (FLOW[this.#plan.stream].retention !== 'workqueue') return undefined;
    return pull === 'idle' ? await this.#afterIdlePull() : await this.#afterBusyPull();
  }

  /** Numbers that the consumer waits for may have been given to other messages before it was looked at. */
  async #afterIdlePull(): Promise<string | undefined> {
    this.#doubts--;
    if (this.#doubts < 0 && -this.#doubts % IDLE_PULLS_BETWEEN !== 0) return undefined;
    const { stream, name: consumer, filter } = this.#plan;
    const found = await passesOver(this.#manager, stream, { consumer, filter });
    const certain = found && this.#foundBefore;
    this.#foundBefore = found && !this.#foundBefore;
    if (found) this.doubt();
    return certain ? 'messages stay that the consumer gives to nobody' : undefined;
  }

  /** Under a load that never rests, what was passed over would wait until it does. */
  async #afterBusyPull(): Promise<string | undefined> {
    if (this.#now() - this.#lookedBehindAt < LOOK_BEHIND_EVERY_MS) return undefined;
    this.#lookedBehindAt = this.#now();
    const { stream, name: consumer, filter } = this.#plan;
    const behind = await firstBehind(this.#manager, stream, { consumer, filter });
    const certain = behind !== undefined && behind === this.#behind;
    this.#behind = behind;
    return certain ? 'messages lie behind what the consumer has given' : undefined;
  }
}
