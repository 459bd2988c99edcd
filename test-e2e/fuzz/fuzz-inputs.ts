// Runs a share of the inputs of one kind in this process, some at a time, and tells what came of them.
import { dataSetFuzzing } from './fuzz-data-sets.ts';
import { type RunInput, streamFuzzing } from './fuzz-streams.ts';
import { seedOf } from './random.ts';

export const KINDS = ['streams', 'data-sets'] as const;
export type Kind = (typeof KINDS)[number];

export interface Share {
  readonly kind: Kind;
  readonly seed: number;
  /** Of all processes together: this one takes every `step`-th from `first` on. */
  readonly inputs: number;
  readonly first: number;
  readonly step: number;
}

export interface Failure {
  readonly kind: Kind;
  readonly index: number;
  readonly message: string;
}

/** Bytes, after a collection of garbage. */
export interface MemorySample {
  readonly heap: number;
  readonly external: number;
  readonly resident: number;
}

export interface Listener {
  /** Every so many inputs. */
  progressed(done: number, outcomes: ReadonlyMap<string, number>): void;
  measured(sample: MemorySample): void;
  failed(failure: Failure): void;
}

const AT_A_TIME = 16;
const TELL_EVERY = 200;
const MEMORY_SAMPLES = 40;

export const fuzzing = (kind: Kind): RunInput => (kind === 'streams' ? streamFuzzing() : dataSetFuzzing());

export async function runShare(share: Share, listener: Listener, run: RunInput = fuzzing(share.kind)): Promise<void> {
  const outcomes = new Map<string, number>();
  const total = Math.ceil((share.inputs - share.first) / share.step);
  const sampleEvery = Math.max(1, Math.floor(total / MEMORY_SAMPLES));
  let taken = 0;
  let done = 0;
  const lane = async (): Promise<void> => {
    while (taken < total) {
      const index = share.first + share.step * taken++;
      for (const outcome of await resultOf(share, index, { run, listener })) outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      done += 1;
      if (done % sampleEvery === 0) listener.measured(sampleMemory());
      if (done % TELL_EVERY === 0 || done === total) listener.progressed(done, outcomes);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, lane));
}

async function resultOf({ kind, seed }: Share, index: number, with_: { run: RunInput; listener: Listener }): Promise<string[]> {
  try {
    return await with_.run(seedOf(seed, index));
  } catch (error) {
    with_.listener.failed({ kind, index, message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    return ['failed'];
  }
}

/** With `--expose-gc` after a full collection; else as it is. */
export function sampleMemory(): MemorySample {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed, external: external + arrayBuffers, resident: rss };
}
