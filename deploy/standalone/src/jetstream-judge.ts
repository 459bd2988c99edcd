// When a nats-server that takes no publications is restarted: decided from the outcomes of probes, without a clock of its own.

/** Three probes in a row, 9 s: longer than a reconnect or a restart by crash takes. */
const FAILURES_BEFORE_ACTION = 3;
/** Less free space than this would only make the restarted server refuse again. */
const ENOUGH_FREE_BYTES = 64 * 1024 ** 2;
const FIRST_WAIT_MS = 15_000;
const LONGEST_WAIT_MS = 300_000;

/** `now`: milliseconds of any steady clock. */
export class JetStreamJudge {
  #failures = 0;
  #wait = FIRST_WAIT_MS;
  #notBefore = 0;

  after(succeeded: boolean, freeBytes: number, now: number): 'go on' | 'restart' | 'full' {
    if (succeeded) {
      this.#failures = 0;
      this.#wait = FIRST_WAIT_MS;
      return 'go on';
    }
    this.#failures++;
    if (this.#failures < FAILURES_BEFORE_ACTION || now < this.#notBefore) return 'go on';
    this.#failures = 0;
    if (freeBytes < ENOUGH_FREE_BYTES) return 'full';
    this.#notBefore = now + this.#wait;
    this.#wait = Math.min(LONGEST_WAIT_MS, this.#wait * 2);
    return 'restart';
  }
}
