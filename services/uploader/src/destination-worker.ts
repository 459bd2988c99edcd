// One destination at work: what waits for it, how much of it is sent at a time, and when it is left alone.
import { TransientError } from '@causeway/shared/errors';
import type { Lane } from '@causeway/shared/events/instance';
import type { Batcher } from './batcher.ts';
import { CircuitBreaker, type Clock, type FlowState } from './circuit-breaker.ts';
import type { Attempted, DueParcel } from './delivery-attempt.ts';
import type { DestinationFault } from './delivery-outcome.ts';
import type { DestinationSettings } from './destination-settings.ts';
import type { Sender } from './sender.ts';
import type { DestinationMetrics } from './upload-metrics.ts';

export interface WorkerParts {
  readonly settings: Pick<DestinationSettings, 'retry'>;
  /** Batches that may be under way here now; 0: this replica has no share of the destination. */
  readonly slots: () => number;
  /** Whether work of a lane may begin now [always]. */
  readonly mayBegin?: (lane: Lane) => boolean;
  readonly sender: Pick<Sender, 'batch' | 'ahead' | 'reset' | 'close' | 'abort'>;
  /** Sends a batch; one result each, in order; never rejects. */
  readonly attempt: (batch: readonly DueParcel[]) => Promise<Attempted[]>;
  readonly waiting: Batcher<WaitingParcel>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: DestinationMetrics;
  readonly onFlow: (state: FlowState, reason?: string) => void;
}

/** A parcel with the handler that waits for what becomes of it. */
export interface WaitingParcel extends DueParcel {
  readonly settle: (attempted: Attempted) => void;
  readonly giveBack: (error: TransientError) => void;
}

/** Given back because the service ends: another replica takes it at once. */
const HANDED_OVER = 'given back: this uploader ends its work on the destination';
const OUT_OF_WINDOW = 'given back: outside of the window of the destination';
const NOT_OURS = 'given back: other replicas have all slots of the destination';

export class DestinationWorker {
  readonly #parts: WorkerParts;
  readonly #breaker: CircuitBreaker;
  readonly #running = new Set<Promise<void>>();
  #stopped = false;

  constructor(parts: WorkerParts) {
    this.#parts = parts;
    this.#breaker = new CircuitBreaker({
      retry: parts.settings.retry,
      clock: parts.clock,
      random: parts.random,
      onChange: (state, reason) => this.#onFlow(state, reason),
    });
  }

  get state(): FlowState {
    return this.#breaker.state;
  }

  /** ms until the destination is tried again; 0 while it is not paused. */
  get msUntilProbe(): number {
    return this.#breaker.msUntilProbe;
  }

  /** Resolves with what became of it. Rejects with TransientError when it was given back unsent. */
  submit(due: DueParcel): Promise<Attempted> {
    return new Promise((resolve, reject) => {
      const parcel = { ...due, settle: resolve, giveBack: reject };
      if (this.#stopped) parcel.giveBack(new TransientError(HANDED_OVER));
      else if (this.state === 'paused') parcel.giveBack(this.#pausedError());
      else if (this.#parts.slots() === 0) parcel.giveBack(new TransientError(NOT_OURS));
      else if (!this.#mayBegin(due.lane)) parcel.giveBack(new TransientError(OUT_OF_WINDOW));
      else {
        this.#parts.waiting.add(parcel);
        this.#pump();
      }
    });
  }

  /** To be called when `slots` changed: what is beyond them ends as it would have; without any, what waits goes to the other replicas. */
  slotsChanged(): void {
    if (this.#parts.slots() === 0) for (const parcel of this.#parts.waiting.clear()) parcel.giveBack(new TransientError(NOT_OURS));
    this.#pump();
  }

  /** To be called when `mayBegin` may have changed: what waits and may not begin is given back, what is under way ends as it would have. */
  windowChanged(): void {
    for (const parcel of this.#parts.waiting.clear())
      if (this.#mayBegin(parcel.lane)) this.#parts.waiting.add(parcel);
      else parcel.giveBack(new TransientError(OUT_OF_WINDOW));
    this.#pump();
  }

  #mayBegin(lane: Lane): boolean {
    return this.#parts.mayBegin?.(lane) ?? true;
  }

  /** Gives back what waits, and resolves when what is under way has ended and connections are released. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#breaker.stop();
    for (const parcel of this.#parts.waiting.clear()) parcel.giveBack(new TransientError(HANDED_OVER));
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#parts.sender.close();
  }

  /** Cuts what is under way: it becomes transient failures. */
  abort(): void {
    this.#parts.sender.abort();
  }

  #pump(): void {
    while (!this.#stopped && this.state !== 'paused' && this.#running.size < this.#slots && this.#parts.waiting.size > 0) {
      const run = this.#run(this.#parts.waiting.take(this.#limits())).finally(() => {
        this.#running.delete(run);
        this.#pump();
      });
      this.#running.add(run);
    }
  }

  get #slots(): number {
    const slots = this.#parts.slots();
    if (slots === 0) return 0;
    return this.state === 'probing' ? 1 : slots + this.#parts.sender.ahead;
  }

  /** What waits is shared among the free slots, so that a few instances go side by side instead of one after the other in one request. */
  #limits(): { instances: number; size: number } {
    const { instances, size } = this.#parts.sender.batch;
    if (this.state === 'probing') return { instances: 1, size };
    const free = this.#slots - this.#running.size;
    return { instances: Math.min(instances, Math.ceil(this.#parts.waiting.size / free)), size };
  }

  async #run(batch: readonly WaitingParcel[]): Promise<void> {
    const startedAt = this.#parts.clock.now();
    const results = await this.#parts.attempt(batch);
    this.#parts.metrics.requestEnded((this.#parts.clock.now() - startedAt) / 1000);
    this.#tellBreaker(results);
    for (const [place, parcel] of batch.entries()) parcel.settle(results[place]!);
  }

  /** An answer about any instance shows that the destination works; else the worst fault counts. */
  #tellBreaker(results: readonly Attempted[]): void {
    const failures = results.map(({ outcome }) => outcome).filter((outcome) => outcome.kind === 'transient');
    const answered = results.some(
      ({ outcome }) => outcome.kind !== 'transient' && !(outcome.kind === 'permanent' && isUnsent(outcome.because)),
    );
    const worst = failures.toSorted((one, other) => SEVERITY[other.fault] - SEVERITY[one.fault])[0];
    if (worst !== undefined && (worst.fault === 'down' || !answered)) this.#breaker.failed(worst.fault, worst.reason, worst.retryAfterMs);
    else if (answered) this.#breaker.succeeded();
  }

  #onFlow(state: FlowState, reason: string | undefined): void {
    this.#parts.metrics.flow(state);
    if (state === 'paused') {
      this.#parts.sender.reset();
      for (const parcel of this.#parts.waiting.clear()) parcel.giveBack(this.#pausedError());
    }
    this.#parts.onFlow(state, reason);
    // After any other change the end of the request that caused it goes on.
    if (state === 'probing') this.#pump();
  }

  #pausedError(): TransientError {
    return new TransientError('given back: the destination is paused', { retryAfterMs: this.#breaker.msUntilProbe });
  }
}

/** It was not asked, so it showed nothing. */
const isUnsent = (because: string): boolean => because === 'object' || because === 'refused-before';

const SEVERITY: Readonly<Record<DestinationFault, number>> = { none: 0, suspect: 1, down: 2 };
