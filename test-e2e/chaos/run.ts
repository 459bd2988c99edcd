// Carries out a plan while modalities send: storm after storm, and after each a calm until everything that was accepted is delivered and every part says that it is ready.
import { setTimeout as pause } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { inject } from './inject.ts';
import { type ChaosPlan, excludes, type PlannedFault, type Storm, takesNatsServer } from './plan.ts';
import type { Watch } from './watch.ts';

/** A fault as it was; times from the beginning of the run, ms. */
export interface FaultRecord extends PlannedFault {
  readonly storm: number;
  readonly startedAt: number;
  readonly endedAt: number;
  /** The longest that no instance was accepted, from its beginning until one was after its end. */
  readonly silentForMs: number;
  /** From its end until everything that was accepted by then had arrived; undefined: not within the longest calm. */
  readonly deliveredAfterMs: number | undefined;
  /** It could not be done, or not be undone. */
  readonly problem?: string;
}

export interface Calm {
  readonly storm: number;
  /** Until everything accepted before had arrived, and until every service said that it is ready and every copy of every stream was up to date; undefined: not within the longest calm. */
  readonly drainedAfterMs: number | undefined;
  readonly readyAfterMs: number | undefined;
  /** What an operator had to do to the nats-servers: nothing that a cluster of them should need. */
  readonly interventions: readonly string[];
}

export interface RunOptions {
  readonly plan: ChaosPlan;
  readonly cluster: Cluster;
  readonly watch: Watch;
  readonly say: (line: string) => void;
}

export interface RunResult {
  readonly faults: readonly FaultRecord[];
  readonly calms: readonly Calm[];
}

const BEFORE_THE_FIRST_MS = 4_000;
const SHORTEST_CALM_MS = 4_000;
/** Longer than it takes until a message is missed that a consumer gave to somebody who is gone. */
const LONGEST_CALM_MS = 300_000;
/** Without a whole JetStream for so long. */
const OPERATOR_AFTER_MS = 45_000;
const LOOK_EVERY_MS = 100;

export async function runStorms({ plan, cluster, watch, say }: RunOptions): Promise<RunResult> {
  const began = performance.now();
  const chaos = new Chaos({ plan, cluster, watch, say: (line) => say(`${seconds(performance.now() - began)} s  ${line}`) }, began);
  await pause(BEFORE_THE_FIRST_MS);
  for (const storm of plan.storms) {
    await chaos.storm(storm);
    await chaos.calm(storm.number);
  }
  return { faults: await Promise.all(chaos.measured), calms: chaos.calms };
}

class Chaos {
  readonly measured: Promise<FaultRecord>[] = [];
  readonly calms: Calm[] = [];
  readonly #options: RunOptions;
  readonly #began: number;
  readonly #running = new Map<PlannedFault, Promise<void>>();

  constructor(options: RunOptions, began: number) {
    this.#options = options;
    this.#began = began;
  }

  async storm({ number, faults, severe }: Storm): Promise<void> {
    const began = performance.now();
    await Promise.all(faults.map((fault) => this.#doAt(began + fault.atMs, { storm: number, fault, severe })));
  }

  async calm(storm: number): Promise<void> {
    const { watch, cluster, say } = this.#options;
    const began = performance.now();
    const drained = within(() => watch.isDrained(began));
    const ready = within(async () => (await allReady(cluster)) && (await cluster.nats.isWhole()));
    const done = Promise.all([drained, ready, pause(SHORTEST_CALM_MS)]);
    const interventions = await this.#operate(done);
    const [drainedAfterMs, readyAfterMs] = await done;
    this.calms.push({ storm, drainedAfterMs, readyAfterMs, interventions });
    say(
      `calm after storm ${storm}: delivered after ${inWords(drainedAfterMs)}, all ready after ${inWords(readyAfterMs)}; ${watch.accepted} accepted`,
    );
  }

  /** Streams that stay without a leader for long are an alert, and somebody comes. */
  async #operate(done: Promise<unknown>): Promise<string[]> {
    const { cluster, say } = this.#options;
    const interventions: string[] = [];
    const over = done.then(() => true);
    for (const how of ['in turn', 'together'] as const) {
      if (await Promise.race([over, pause(OPERATOR_AFTER_MS, false)])) break;
      if (await cluster.nats.isWhole()) continue;
      say(`an operator restarts the nats-servers ${how}: streams have no leader, or copies that are not up to date`);
      await cluster.nats.restart(how);
      interventions.push(`nats-servers restarted ${how}`);
    }
    return interventions;
  }

  async #doAt(moment: number, { storm, fault, severe }: { storm: number; fault: PlannedFault; severe: boolean }): Promise<void> {
    const { cluster, say } = this.#options;
    await pause(Math.max(0, moment - performance.now()));
    // One that took longer than planned.
    await this.#over(fault, severe);
    const over = Promise.withResolvers<void>();
    this.#running.set(fault, over.promise);
    // Of one before, the nats-servers may not have recovered yet.
    if (!severe && takesNatsServer(fault)) await within(() => cluster.nats.isWhole());
    const name = `#${fault.number} ${fault.kind} ${fault.target}`;
    say(`${name}${fault.variant === undefined ? '' : ` (${fault.variant})`}`);
    const started = performance.now();
    const problem = await inject(cluster, fault, (line) => say(`${name}: ${line}`)).then(() => undefined, describe);
    const ended = performance.now();
    say(problem === undefined ? `${name} is over` : `${name} FAILED: ${problem}`);
    this.#running.delete(fault);
    over.resolve();
    this.measured.push(this.#measure({ ...fault, storm, ...(problem === undefined ? {} : { problem }) }, { started, ended }));
  }

  /** Resolves when none lasts that this one must not meet. */
  async #over(fault: PlannedFault, severe: boolean): Promise<void> {
    for (;;) {
      const meets = [...this.#running].find(([other]) => excludes(other, fault, severe));
      if (meets === undefined) return;
      await meets[1];
    }
  }

  async #measure(fault: PlannedFault & { storm: number }, { started, ended }: { started: number; ended: number }): Promise<FaultRecord> {
    const { watch } = this.#options;
    const [deliveredAfterMs] = await Promise.all([within(() => watch.isDrained(ended)), within(() => watch.acceptsSince(ended))]);
    const silentForMs = watch.longestGap(started, watch.firstAcceptedAfter(ended));
    return { ...fault, startedAt: started - this.#began, endedAt: ended - this.#began, silentForMs, deliveredAfterMs };
  }
}

async function allReady({ services }: Cluster): Promise<boolean> {
  const answers = await Promise.all([...services.all.keys()].map((name) => services.isReady(name).catch(() => false)));
  return answers.every(Boolean);
}

/** How long it took until it was so; undefined: longer than the longest calm. */
async function within(look: () => boolean | Promise<boolean>): Promise<number | undefined> {
  const began = performance.now();
  while (performance.now() - began < LONGEST_CALM_MS) {
    if (await look()) return performance.now() - began;
    await pause(LOOK_EVERY_MS);
  }
  return undefined;
}

const describe = (error: unknown): string => {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
};
const seconds = (ms: number): string => (ms / 1000).toFixed(1).padStart(6);
const inWords = (ms: number | undefined): string =>
  ms === undefined ? `more than ${LONGEST_CALM_MS / 1000} s` : `${(ms / 1000).toFixed(1)} s`;
