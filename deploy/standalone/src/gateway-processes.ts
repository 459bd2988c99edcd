// All children of one gateway: started with a log each, stopped in the reverse order of dependence.
import { join } from 'node:path';
import type { DataFolder } from './data-folder.ts';
import { KeptProcess, type ProcessPlan } from './kept-process.ts';
import { shortLine } from './log-line.ts';
import { openProcessLog } from './process-log.ts';
import { type Say, sayFor } from './terminal.ts';

export type Role = 'nats-server' | 'postgres' | 'sandbox' | 'service';
/** Beyond the drain that a service grants itself. */
const SERVICE_EXTRA_MS = 5_000;
const SANDBOX_GRACE_MS = 5_000;
const POSTGRES_GRACE_MS = 30_000;
const NATS_GRACE_MS = 15_000;
/** What does not do its work seldom ends well. */
const STUCK_GRACE_MS = 5_000;
const HURRIED_MS = 5_000;

/** Services end first, then the sandbox, Postgres, nats-server last. */
export class GatewayProcesses {
  readonly data: DataFolder;
  readonly say: Say;
  readonly #children: { role: Role; process: KeptProcess }[] = [];
  readonly #logs: { stop(): void }[] = [];

  readonly #longestDelayMs: number;

  /** `longestDelayMs`: before a process that keeps ending is started again. */
  constructor(data: DataFolder, say: Say, longestDelayMs: number) {
    this.#longestDelayMs = longestDelayMs;
    this.data = data;
    this.say = say;
  }

  async start(role: Role, plan: ProcessPlan): Promise<void> {
    const say = sayFor(plan.name, this.say);
    const log = openProcessLog(join(this.data.log, `${plan.name}.log`), (line) => {
      const short = shortLine(line);
      if (short !== undefined) say(short);
    });
    const process = new KeptProcess(plan, {
      runFolder: this.data.run,
      log,
      say: (text) => this.say(`${text}`),
      longestDelayMs: this.#longestDelayMs,
    });
    this.#logs.push(log);
    this.#children.push({ role, process });
    await process.start();
  }

  /** Ends it, by force after five seconds, and starts it again at once. */
  async restart(name: string): Promise<void> {
    await this.#children.find((child) => child.process.name === name)?.process.restart(STUCK_GRACE_MS);
  }

  async stop(drainMs: number, hurry: AbortSignal): Promise<void> {
    if (this.#children.length > 0) this.say('stopping: open associations and work under way are finished first (Ctrl-C again: at once)');
    const kill = (): void => {
      for (const process of [...this.#of('service'), ...this.#of('sandbox')]) process.kill();
    };
    if (hurry.aborted) kill();
    hurry.addEventListener('abort', kill, { once: true });
    const grace = (ms: number): number => (hurry.aborted ? Math.min(ms, HURRIED_MS) : ms);
    await this.#stopAll('service', grace(drainMs + SERVICE_EXTRA_MS));
    await this.#stopAll('sandbox', grace(SANDBOX_GRACE_MS));
    await this.#stopAll('postgres', grace(POSTGRES_GRACE_MS));
    await this.#stopAll('nats-server', grace(NATS_GRACE_MS));
    for (const log of this.#logs) log.stop();
    if (this.#children.length > 0) this.say('stopped');
  }

  async #stopAll(role: Role, graceMs: number): Promise<void> {
    await Promise.all(this.#of(role).map((process) => process.stop(graceMs)));
  }

  #of(role: Role): KeptProcess[] {
    return this.#children.filter((child) => child.role === role).map((child) => child.process);
  }
}
