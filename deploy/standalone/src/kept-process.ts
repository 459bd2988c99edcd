// A child process that is kept running: started again with growing delay when it ends, stopped with a grace period when asked.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync } from 'node:fs';
import { shortLine } from './log-line.ts';
import { forgetProcess, recordProcess } from './pid-record.ts';
import type { ProcessLog } from './process-log.ts';
import { RestartDelay } from './restart-delay.ts';

export interface ProcessPlan {
  readonly name: string;
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: NodeJS.ProcessEnv;
  readonly workingFolder: string;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What asks it to end in good order. */
  readonly stopSignal: NodeJS.Signals;
  /** Before each start: removes what a crash of its own left. */
  readonly prepare?: () => Promise<void>;
}

export interface KeptProcessParts {
  readonly runFolder: string;
  readonly log: ProcessLog;
  readonly say: (text: string) => void;
  /** Before a process that keeps ending is started again. */
  readonly longestDelayMs: number;
}

const TAIL_BYTES = 4_000;
const MOST_CHARACTERS = 300;
/** A process that ended this soon could not do its work: it says why in its last lines. */
const SOON_MS = 5_000;

export class KeptProcess {
  readonly name: string;
  readonly #plan: ProcessPlan;
  readonly #parts: KeptProcessParts;
  readonly #delay: RestartDelay;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #stopping = false;
  #restarting = false;

  constructor(plan: ProcessPlan, parts: KeptProcessParts) {
    this.name = plan.name;
    this.#plan = plan;
    this.#parts = parts;
    this.#delay = new RestartDelay(parts.longestDelayMs);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    await this.#plan.prepare?.();
    if (this.#stopping) return;
    const startedAt = Date.now();
    const child = this.#spawn();
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      let told = false;
      const onEnd = (how: string): void => {
        if (told) return;
        told = true;
        this.#child = undefined;
        resolve();
        this.#onEnded(how, Date.now() - startedAt);
      };
      child.once('error', (error) => onEnd(error.message));
      child.once('exit', (code, signal) => onEnd(signal === null ? `exit code ${code}` : signal));
    });
    this.#record(child);
  }

  /** Asks it to end and starts it again at once (unless it does not end within graceMs: then it is killed first). */
  async restart(graceMs: number): Promise<void> {
    this.#restarting = true;
    await this.#end(graceMs);
  }

  /** Resolves when it has ended; SIGKILL after graceMs. It is not started again. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#end(graceMs);
    forgetProcess(this.#parts.runFolder, this.name);
  }

  /** For the second Ctrl-C. */
  kill(): void {
    this.#stopping = true;
    this.#child?.kill('SIGKILL');
  }

  async #end(graceMs: number): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    child.kill(this.#plan.stopSignal);
    const late = setTimeout(() => {
      this.#parts.say(`${this.name} did not end within ${graceMs / 1000} s: killed`);
      child.kill('SIGKILL');
    }, graceMs);
    await this.#ended;
    clearTimeout(late);
  }

  /** In a process group of its own: a Ctrl-C of the terminal reaches the supervisor alone, which stops things in order. */
  #spawn(): ChildProcess {
    const output = this.#parts.log.openForChild();
    try {
      return spawn(this.#plan.command, this.#plan.arguments, {
        cwd: this.#plan.workingFolder,
        env: this.#plan.environment,
        detached: true,
        stdio: ['ignore', output, output],
        ...this.#plan.user,
      });
    } finally {
      closeSync(output);
    }
  }

  /** On a full disk it runs unrecorded: better than not at all. */
  #record(child: ChildProcess): void {
    try {
      if (child.pid !== undefined) recordProcess(this.#parts.runFolder, this.name, child.pid);
    } catch (error) {
      this.#parts.say(`${this.name} runs, but that could not be noted: ${(error as Error).message}`);
    }
  }

  #onEnded(how: string, ranMs: number): void {
    forgetProcess(this.#parts.runFolder, this.name);
    if (this.#stopping) return;
    const delay = this.#restarting ? 0 : this.#delay.after(ranMs);
    if (!this.#restarting) this.#parts.say(`${this.name} ended (${how})${this.#lastWords(ranMs)}; started again in ${delay / 1000} s`);
    this.#restarting = false;
    this.#startLater(delay);
  }

  #startLater(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.start().catch((error: Error) => {
        const delay = this.#delay.after(0);
        this.#parts.say(`${this.name} cannot be started: ${error.message}; again in ${delay / 1000} s`);
        this.#startLater(delay);
      });
    }, delayMs);
  }

  #lastWords(ranMs: number): string {
    if (ranMs > SOON_MS) return '';
    const line = tellingLine(this.#parts.log.tail(TAIL_BYTES));
    return line ? `: ${line.slice(0, MOST_CHARACTERS)}` : '';
  }
}

/** Node prints the error, then a stack, then its version: the line with the error tells, else the last. */
function tellingLine(text: string): string | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.findLast((line) => /"level":"fatal"|^\w*Error\b|FATAL|\[FTL\]/.test(line)) ?? lines.at(-1);
  return telling === undefined ? undefined : (shortLine(telling) ?? telling.trim());
}
