// The figures of a run in a few lines, and whether they are good.
import type { MemorySample } from './fuzz-inputs.ts';
import type { FuzzResult } from './fuzz-run.ts';

const MB = 1e6;
/** Growth from the first quarter of the run, once everything is loaded and compiled, to the last, that is noise. */
const GROWTH_MB = 24;
const MOST_OUTCOMES = 24;

const megabytes = (bytes: number): string => (bytes / MB).toFixed(1);

export interface MemoryChange {
  readonly first: MemorySample;
  readonly last: MemorySample;
  readonly isFlat: boolean;
}

/** Medians of the first and of the last quarter of the samples; resident memory is told, but what counts is what is held: heap and external. */
export function memoryChange(samples: readonly MemorySample[]): MemoryChange | undefined {
  const quarter = Math.floor(samples.length / 4);
  if (quarter === 0) return undefined;
  const [first, last] = [medians(samples.slice(quarter > 1 ? 1 : 0, quarter + 1)), medians(samples.slice(-quarter))];
  const held = (sample: MemorySample): number => sample.heap + sample.external;
  return { first, last, isFlat: held(last) - held(first) <= GROWTH_MB * MB };
}

function medians(samples: readonly MemorySample[]): MemorySample {
  const median = (name: keyof MemorySample): number => samples.map((sample) => sample[name]).sort((a, b) => a - b)[samples.length >> 1]!;
  return { heap: median('heap'), external: median('external'), resident: median('resident') };
}

export function isGood({ plan, done, failures, memory }: FuzzResult): boolean {
  return failures.length === 0 && done === plan.inputs && memory.every((samples) => memoryChange(samples)?.isFlat !== false);
}

export function reportLines(result: FuzzResult): string[] {
  const { plan, done, seconds, outcomes, failures, memory } = result;
  const sorted = [...outcomes].sort(([, a], [, b]) => b - a);
  const counts = sorted.slice(0, MOST_OUTCOMES).map(([name, count]) => `${name} ${count}`);
  if (sorted.length > MOST_OUTCOMES) counts.push(`${sorted.length - MOST_OUTCOMES} rarer ones`);
  const changes = memory.flatMap((samples) => memoryChange(samples) ?? []);
  return [
    `${plan.kind}: seed ${plan.seed}, ${done} of ${plan.inputs} inputs in ${seconds.toFixed(0)} s (${(done / seconds).toFixed(0)}/s, ${plan.processes} processes), ${failures.length} failures`,
    ...changes.map(({ first, last, isFlat }, at) => {
      const told = (name: keyof MemorySample): string => `${name} ${megabytes(first[name])} -> ${megabytes(last[name])} MB`;
      return `  process ${at}: ${told('heap')}, ${told('external')}, ${told('resident')}: ${isFlat ? 'flat' : 'GROWS'}`;
    }),
    `  outcomes: ${counts.join(', ')}`,
    ...failures.map(({ kind, index, message }) => `  FAILED ${kind} input ${index}: ${message}`),
  ];
}
