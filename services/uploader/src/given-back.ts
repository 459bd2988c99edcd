// Messages that were handed out here and given back unsent (the destination paused, its window closed, the share gone): JetStream counts these like those of an uploader that was
// killed while it sent. Told apart as long as this process remembers; what it does not know may have been sent.
import type { Message } from '@causeway/shared/bus/bus';
import type { DeliveryDue } from '@causeway/shared/events/delivery';
import { recordKey } from './delivery-records.ts';

type HandedOut = Pick<Message<DeliveryDue>, 'event' | 'deliveryCount'>;

/** At some 150 bytes each. */
const MOST = 50_000;

/** Of all destinations of this process. */
export class GivenBack {
  readonly #most: number;
  /** By delivery and generation: of how many hand-outs all, from the first on, were given back unsent. The latest last. */
  readonly #unsent = new Map<string, number>();

  constructor(most = MOST) {
    this.#most = most;
  }

  /** This hand-out sent nothing. */
  note({ event, deliveryCount }: HandedOut): void {
    if (!this.isUnsent({ event, deliveryCount })) return;
    const key = recordKey(event);
    this.#unsent.delete(key);
    this.#unsent.set(key, deliveryCount);
    const [oldest] = this.#unsent.keys();
    if (this.#unsent.size > this.#most) this.#unsent.delete(oldest!);
  }

  /** True when no hand-out before this one sent anything. */
  isUnsent({ event, deliveryCount }: HandedOut): boolean {
    return deliveryCount === 1 || this.#unsent.get(recordKey(event)) === deliveryCount - 1;
  }
}
