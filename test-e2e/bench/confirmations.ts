// Counts the deliveries that the uploader says are confirmed.
import type { Bus } from '@causeway/shared/bus/bus';
import { fact } from '@causeway/shared/events/facts';

export class Confirmations {
  readonly #ids = new Set<string>();
  #waiting: { count: number; resolve: () => void } | undefined;

  static async follow(bus: Bus): Promise<Confirmations> {
    const confirmations = new Confirmations();
    await bus.consume(
      {
        ...{ stream: 'FACTS', name: 'bench', filter: 'ledger.delivery.confirmed', schema: fact, concurrency: 500 },
        onPermanent: async () => {},
      },
      async ({ event }) => confirmations.#see(event.id),
    );
    return confirmations;
  }

  /** Resolves when so many more have been confirmed than had when it was called. */
  next(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting = { count: this.#ids.size + count, resolve };
    });
  }

  #see(factId: string): void {
    this.#ids.add(factId);
    if (this.#waiting !== undefined && this.#ids.size >= this.#waiting.count) this.#waiting.resolve();
  }
}
