// Sets the deliveries of an instance in motion: one for each destination of the retrieval, the fact behind it.
import type { Bus } from '@causeway/shared/bus/bus';
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { TransientError } from '@causeway/shared/errors';
import { type Delivery, deliveryIdOf } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { Instance } from '@causeway/shared/events/instance';
import type { RetrievalDue } from '@causeway/shared/events/retrieval';
import { hashOfUid } from './study-cache.ts';

/** Instances whose publications are under way at a time: their round trips overlap with the fetching of the next. */
const UNDER_WAY = 16;

/**
 * Whatever the generation of the retrieval: a study that has grown is announced whole, and the uploader knows what is done by id, generation and
 * digest. Only reconciliation and operators raise it.
 */
const DELIVERY_GENERATION = 0;

export interface AnnounceParts {
  readonly bus: Pick<Bus, 'publishFact'>;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
}

export class DeliveryAnnouncer {
  readonly #parts: AnnounceParts;
  readonly #due: RetrievalDue;
  readonly #revision: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(parts: AnnounceParts, due: RetrievalDue, revision: number) {
    this.#parts = parts;
    this.#due = due;
    this.#revision = revision;
  }

  /** The object must be durable. Waits while too many are under way. Throws what an earlier publication failed with. */
  async add(instance: Instance): Promise<void> {
    const publishing: Promise<void> = this.#publish(instance)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#underWay.delete(publishing));
    this.#underWay.add(publishing);
    while (this.#underWay.size >= UNDER_WAY) await Promise.race(this.#underWay);
    this.#throwFailure();
  }

  /** Resolves when every publication was acknowledged. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #publish(instance: Instance): Promise<void> {
    const { retrieval } = this.#due;
    for (const destination of retrieval.destinations) {
      const delivery = this.#deliveryOf(instance, destination);
      const event = { ...newEnvelope(DELIVERY_GENERATION), type: 'delivery.due', delivery } as const;
      const full = await this.#parts.queues.publish(event, `${delivery.id}.due.${DELIVERY_GENERATION}`);
      // Not parked: the object is in a cache that is swept, and can be fetched again. The whole study waits in the queue of retrievals instead.
      if (full !== undefined) throw new TransientError(`no room for deliveries to ${destination} (${full})`);
      await this.#parts.bus.publishFact({ ...newEnvelope(DELIVERY_GENERATION), type: 'ledger.delivery.due', delivery });
    }
  }

  /** The same for the same retrieval, instance and destination: a retrieval that is taken up again delivers nothing twice. */
  #deliveryOf(instance: Instance, destination: string): Delivery {
    const { retrieval } = this.#due;
    return {
      id: deliveryIdOf(`${retrieval.id}-${hashOfUid(instance.sopInstanceUid)}`, destination),
      destination,
      cause: { rule: `retrieval ${retrieval.source}`, revision: this.#revision },
      instance: { ...instance, lane: retrieval.lane },
      retrievalId: retrieval.id,
    };
  }
}
