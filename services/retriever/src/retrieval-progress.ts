// How far a retrieval is, told as facts: at its begin, every fifty instances, at its end.
import type { Bus } from '@causeway/shared/bus/bus';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import type { RetrievalDue } from '@causeway/shared/events/retrieval';

const TELL_EVERY = 50;
const MAX_REASON_CHARACTERS = 500;

export class RetrievalProgress {
  readonly #bus: Bus;
  readonly #due: RetrievalDue;
  /** Of the study, as far as known. */
  instances = 0;
  fetched = 0;
  fromCache = 0;

  constructor(bus: Bus, due: RetrievalDue) {
    this.#bus = bus;
    this.#due = due;
  }

  async count(origin: 'fetched' | 'fromCache'): Promise<void> {
    this[origin] += 1;
    this.instances = Math.max(this.instances, this.fetched + this.fromCache);
    if ((this.fetched + this.fromCache) % TELL_EVERY === 0) await this.tell('fetching');
  }

  /** `reason`: why it failed, or why it waits. */
  async tell(state: FactOf<'ledger.retrieval.changed'>['state'], reason?: string): Promise<void> {
    const { retrieval, generation } = this.#due;
    await this.#bus.publishFact({
      ...newEnvelope(generation),
      type: 'ledger.retrieval.changed',
      retrieval,
      state,
      instances: this.instances,
      fetched: this.fetched,
      fromCache: this.fromCache,
      ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_REASON_CHARACTERS) }),
    });
  }
}
