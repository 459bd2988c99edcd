// A request of ours until its response: who waits, and for how long silence is accepted.
import { InactivityTimer } from '../upper-layer/inactivity-timer.ts';
import type { DimseStatus } from './scp.ts';

export interface PendingOperationOptions {
  readonly messageId: number;
  /** Of the request. */
  readonly commandField: number;
  /** Limit on silence of the peer, ms. */
  readonly limitMs: number;
  readonly lastReadAt: () => number;
  readonly onSilence: () => void;
  /** Before the answer or the failure comes out. */
  readonly onSettled: () => void;
}

export class PendingOperation {
  readonly messageId: number;
  readonly commandField: number;
  /** We are slow, not the peer. */
  waitsForSource = false;
  readonly #result: PromiseWithResolvers<DimseStatus> = Promise.withResolvers();
  readonly #timer: InactivityTimer;
  readonly #onSettled: () => void;
  #progressAt = performance.now();
  #isSent = false;
  #status: DimseStatus | undefined;
  #isSettled = false;

  constructor(options: PendingOperationOptions) {
    this.messageId = options.messageId;
    this.commandField = options.commandField;
    this.#onSettled = options.onSettled;
    this.#timer = new InactivityTimer({
      limitMs: options.limitMs,
      lastActivityAt: () => Math.max(this.#progressAt, options.lastReadAt()),
      isExempt: () => this.waitsForSource,
      onExpired: options.onSilence,
    });
  }

  get answer(): Promise<DimseStatus> {
    return this.#result.promise;
  }

  get isSettled(): boolean {
    return this.#isSettled;
  }

  /** The peer took something. */
  progress(): void {
    this.#progressAt = performance.now();
  }

  /** The last byte of the request was written. */
  sent(): void {
    this.waitsForSource = false;
    this.#isSent = true;
    this.progress();
    if (this.#status !== undefined) this.#succeed(this.#status);
  }

  /** An answer that comes before the end of the request waits for it: the message must be completed all the same. */
  answered(status: DimseStatus): void {
    this.#status = status;
    if (this.#isSent) this.#succeed(status);
  }

  fail(error: unknown): void {
    if (this.#settle()) this.#result.reject(error);
  }

  #succeed(status: DimseStatus): void {
    if (this.#settle()) this.#result.resolve(status);
  }

  #settle(): boolean {
    if (this.#isSettled) return false;
    this.#isSettled = true;
    this.#timer.stop();
    this.#onSettled();
    return true;
  }
}
