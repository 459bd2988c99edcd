// A process of the cluster, kept as systemd or Kubernetes would keep it: whatever way it ends, it is started again after a second. What ended it is counted.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freeze, processTree } from '../src/process-tree.ts';

export interface ProcessPlan {
  readonly name: string;
  /** Program and arguments; asked at each start. */
  readonly command: () => readonly string[];
  readonly environment: () => NodeJS.ProcessEnv;
  readonly folder: string;
  /** Where its output goes, as `<name>.log`. */
  readonly logs: string;
}

/** An end that nobody ordered. */
export interface UnorderedEnd {
  readonly name: string;
  readonly at: Date;
  readonly how: string;
}

const AGAIN_AFTER_MS = 1_000;
/** A drain, and some seconds. */
const TERMINATES_WITHIN_MS = 30_000;

export class KeptProcess {
  readonly name: string;
  readonly unordered: UnorderedEnd[] = [];
  readonly #plan: ProcessPlan;
  #child: ChildProcess | undefined;
  #wanted = false;
  #ordered = false;
  #startedAt = 0;

  constructor(plan: ProcessPlan) {
    this.name = plan.name;
    this.#plan = plan;
  }

  /** undefined: it does not run. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get runsForMs(): number {
    return this.#child === undefined ? 0 : performance.now() - this.#startedAt;
  }

  /** Resident bytes; 0: it does not run. */
  get residentBytes(): number {
    try {
      const pages = Number(readFileSync(`/proc/${this.pid}/statm`, 'latin1').split(' ')[1]);
      return pages * 4096;
    } catch {
      return 0;
    }
  }

  start(): void {
    this.#wanted = true;
    if (this.#child !== undefined) return;
    const [program, ...words] = this.#plan.command();
    const output = openSync(join(this.#plan.logs, `${this.name}.log`), 'a');
    const options = {
      cwd: this.#plan.folder,
      env: this.#plan.environment(),
      stdio: ['ignore', output, output] as ['ignore', number, number],
    };
    const child = spawn(program!, words, options);
    closeSync(output);
    this.#child = child;
    this.#startedAt = performance.now();
    child.once('exit', (code, signal) => this.#ended(`${signal ?? `exit ${code}`}`));
    child.once('error', (error) => this.#ended(error.message));
  }

  /** SIGKILL; it is started again by itself. Resolves when it is gone. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM; it is started again by itself once it has ended, which is hurried by SIGKILL after half a minute. Resolves when it is gone. */
  async terminate(): Promise<void> {
    const hurry = setTimeout(() => this.#child?.kill('SIGKILL'), TERMINATES_WITHIN_MS);
    await this.#end('SIGTERM');
    clearTimeout(hurry);
  }

  /** SIGSTOP for so long. It may be killed meanwhile. */
  async freeze(forMs: number): Promise<void> {
    if (this.pid === undefined) return;
    let thaw = (): void => {};
    try {
      thaw = freeze(this.pid);
      await pause(forMs);
    } finally {
      try {
        thaw();
      } catch {
        // One of them was ended meanwhile.
      }
    }
  }

  /** Stays away until `start`. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#wanted = false;
    await this.#end(signal);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#ordered = true;
    const gone = once(child, 'exit');
    // PostgreSQL's backends too, which would else keep its data for a while.
    for (const pid of signal === 'SIGKILL' ? processTree(child.pid!) : [child.pid!]) signalTo(pid, signal);
    await gone;
  }

  #ended(how: string): void {
    if (!this.#ordered) this.unordered.push({ name: this.name, at: new Date(), how });
    this.#ordered = false;
    this.#child = undefined;
    if (this.#wanted) setTimeout(() => this.#wanted && this.start(), AGAIN_AFTER_MS);
  }
}

function signalTo(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has just ended.
  }
}
