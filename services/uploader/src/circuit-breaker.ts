// Keeps work away from a destination that is down: pauses it, then lets one try through after a growing delay.
import type { DestinationFault } from './delivery-outcome.ts';

/** flowing: all work goes. paused: none. probing: one request at a time, until it tells. */
export type FlowState = 'flowing' | 'paused' | 'probing';

export interface Clock {
  /** ms; only differences count. */
  now(): number;
  /** Calls once after `delayMs`, unless cancelled. */
  after(delayMs: number, call: () => void): { cancel(): void };
}

/** `retry` of the destination: first and max in ms. */
export interface RetryPlan {
  readonly first: number;
  readonly factor: number;
  readonly max: number;
}

export interface BreakerOptions {
  readonly retry: RetryPlan;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  /** `reason` without secrets and patient data. */
  readonly onChange: (state: FlowState, reason?: string) => void;
}

/** So many failures in a row, each perhaps of one instance only, count as the destination's own. */
const SUSPECTS_IN_A_ROW = 3;
/** Full delays would let all replicas, and all instances, come back at one instant: between 80 % and 100 % of it is waited. */
const JITTER = 0.2;

/** first * factor^(n-1), at most max, less up to a fifth; `n` counts from 1. */
export function retryDelayMs(retry: RetryPlan, n: number, random: () => number): number {
  const full = Math.min(retry.max, retry.first * retry.factor ** (n - 1));
  return Math.round(full * (1 - JITTER * random()));
}

export class CircuitBreaker {
  readonly #options: BreakerOptions;
  #state: FlowState = 'flowing';
  #suspects = 0;
  #pauses = 0;
  #probeAt = 0;
  #timer: { cancel(): void } | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): FlowState {
    return this.#state;
  }

  /** How long work that comes now should stay away, ms. */
  get msUntilProbe(): number {
    return this.#state === 'paused' ? Math.max(0, this.#probeAt - this.#options.clock.now()) : 0;
  }

  /** The destination answered as one that works. What was sent before the pause tells nothing about now. */
  succeeded(): void {
    if (this.#state === 'paused') return;
    this.#suspects = 0;
    if (this.#state === 'flowing') return;
    this.#pauses = 0;
    this.#change('flowing');
  }

  failed(fault: DestinationFault, reason: string, retryAfterMs = 0): void {
    if (fault === 'none' || this.#state === 'paused') return;
    this.#suspects += 1;
    if (fault === 'suspect' && this.#state === 'flowing' && this.#suspects < SUSPECTS_IN_A_ROW) return;
    this.#pause(reason, retryAfterMs);
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #pause(reason: string, retryAfterMs: number): void {
    const { clock, retry, random } = this.#options;
    this.#pauses += 1;
    this.#suspects = 0;
    const delayMs = Math.max(retryDelayMs(retry, this.#pauses, random), retryAfterMs);
    this.#probeAt = clock.now() + delayMs;
    this.#timer = clock.after(delayMs, () => this.#change('probing'));
    this.#change('paused', reason);
  }

  #change(state: FlowState, reason?: string): void {
    this.#state = state;
    this.#options.onChange(state, reason);
  }
}
