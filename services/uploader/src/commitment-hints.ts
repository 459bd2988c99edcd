// Who in this process waits for the answer to a request for commitment, woken when it was written down, here or in a receiver.
import type { Clock } from './circuit-breaker.ts';

export class CommitmentHints {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #waiting = new Map<string, Set<() => void>>();

  constructor(clock: Pick<Clock, 'after'>) {
    this.#clock = clock;
  }

  heard(transactionUid: string): void {
    for (const wake of this.#waiting.get(transactionUid) ?? []) wake();
  }

  /** Resolves once it is heard of, or after the limit. */
  wait(transactionUid: string, limitMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiting = this.#waiting.get(transactionUid) ?? new Set();
    this.#waiting.set(transactionUid, waiting);
    const wake = (): void => {
      timer.cancel();
      waiting.delete(wake);
      if (waiting.size === 0) this.#waiting.delete(transactionUid);
      resolve();
    };
    const timer = this.#clock.after(limitMs, wake);
    waiting.add(wake);
    return promise;
  }
}
