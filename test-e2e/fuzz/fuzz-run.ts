// A fuzzing run over several processes: shares are dealt, a process that crashes or stands still is noticed, figures are put together.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { Failure, Kind, MemorySample, Share } from './fuzz-inputs.ts';
import type { Told } from './fuzz-process.ts';

export interface FuzzPlan {
  readonly kind: Kind;
  readonly seed: number;
  readonly inputs: number;
  readonly processes: number;
  /** Told now and then: inputs done by all processes. */
  readonly progressed?: (done: number) => void;
}

export interface FuzzResult {
  readonly plan: FuzzPlan;
  readonly done: number;
  readonly seconds: number;
  readonly outcomes: Map<string, number>;
  readonly failures: Failure[];
  /** Of each process, in order. */
  readonly memory: MemorySample[][];
}

/** 200 inputs take less than a second; a process that is silent for so long stands still, even on a busy machine. */
const SILENCE_MS = 120_000;
/** One defect fails thousands of inputs alike. */
const MOST_FAILURES = 20;

export async function fuzz(plan: FuzzPlan): Promise<FuzzResult> {
  const startedAt = performance.now();
  const workers = Array.from(
    { length: plan.processes },
    (_, first) => new FuzzWorker({ ...plan, first, step: plan.processes }, () => tellProgress()),
  );
  const done = (): number => workers.reduce((sum, worker) => sum + worker.done, 0);
  const tellProgress = (): void => plan.progressed?.(done());
  await Promise.all(workers.map((worker) => worker.ended));
  const outcomes = new Map<string, number>();
  for (const worker of workers) for (const [name, count] of worker.outcomes) outcomes.set(name, (outcomes.get(name) ?? 0) + count);
  return {
    plan,
    done: done(),
    seconds: (performance.now() - startedAt) / 1000,
    outcomes,
    failures: workers.flatMap(({ failures }) => failures).slice(0, MOST_FAILURES),
    memory: workers.map(({ memory }) => memory),
  };
}

class FuzzWorker {
  done = 0;
  outcomes: [string, number][] = [];
  readonly failures: Failure[] = [];
  readonly memory: MemorySample[] = [];
  readonly ended: Promise<void>;
  readonly #share: Share;
  readonly #child: ChildProcess;
  readonly #progressed: () => void;
  #isOver = false;
  #silence: NodeJS.Timeout;

  constructor(share: Share, progressed: () => void) {
    this.#share = share;
    this.#progressed = progressed;
    this.#child = fork(join(import.meta.dirname, 'fuzz-process.ts'), { execArgv: ['--expose-gc'] });
    this.#silence = this.#watch();
    this.#child.on('message', (told: Told) => this.#hear(told));
    this.ended = new Promise((resolve) => this.#child.once('exit', (code, signal) => resolve(this.#over(code, signal))));
    const { kind, seed, inputs, first, step } = share;
    this.#child.send({ kind, seed, inputs, first, step });
  }

  #hear(told: Told): void {
    clearTimeout(this.#silence);
    this.#silence = this.#watch();
    if (told.what === 'failure' && this.failures.length < MOST_FAILURES) this.failures.push(told.failure);
    if (told.what === 'memory') this.memory.push(told.sample);
    if (told.what === 'over') this.#isOver = true;
    if (told.what !== 'progress') return;
    this.done = told.done;
    this.outcomes = told.outcomes;
    this.#progressed();
  }

  #watch(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#fail(`hangs: nothing for ${SILENCE_MS / 1000} s`);
      this.#child.kill('SIGKILL');
    }, SILENCE_MS);
  }

  #over(code: number | null, signal: string | null): void {
    clearTimeout(this.#silence);
    if (!this.#isOver) this.#fail(`ended before its inputs did (${signal ?? code})`);
  }

  /** The input is one of the next few hundred that this process would have told of. */
  #fail(what: string): void {
    const { kind, first, step } = this.#share;
    this.failures.push({ kind, index: first + step * this.done, message: `process ${first}, at or soon after this input: ${what}` });
  }
}
