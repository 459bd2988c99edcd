// A rolling upgrade, and rolling restarts of everything, as docs/RUNBOOK.md (Upgrade) tells an operator to do them: one at a time, the next when this one is ready again.
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { processTree } from '../src/process-tree.ts';
import { until } from '../src/wait-for-fact.ts';
import type { Cluster } from './cluster.ts';
import { NODES, SERVICE_PLACES, SERVICES } from './fault-kinds.ts';
import type { KeptProcess } from './kept-process.ts';
import { serviceOf } from './services.ts';
import { wholeOrMended } from './whole-streams.ts';

export interface Step {
  /** Processes that are ended, at the same time where it is more than one. */
  readonly ends: readonly string[];
  /** Resolves when what it ended is back, and ready. `tell`: what an operator had to do beside it. */
  carryOut(tell: (intervention: string) => void): Promise<void>;
}

export interface Phase {
  readonly name: string;
  readonly steps: readonly Step[];
}

/** Lame duck mode of the configuration, and some seconds. */
const ENDS_WITHIN_MS = 45_000;

export function rollingPhases(cluster: Cluster): Phase[] {
  const { postgres } = cluster;
  return [
    { name: 'before, older version', steps: [] },
    { name: 'services upgraded', steps: [upgradeOf(cluster)] },
    { name: 'machines restarted', steps: NODES.map((machine, at) => restartOf(cluster, machine, cluster.nats.nodes[at]!.process)) },
    { name: 'HAProxy reloaded', steps: [reloadOfBalancer(cluster)] },
    { name: 'PostgreSQL restarted', steps: postgres.processes.toReversed().map((process) => restartOfPostgres(cluster, process)) },
  ];
}

/** As Kubernetes does it: all services at the same time, of each a process after the other; old and new ones work side by side meanwhile. */
function upgradeOf(cluster: Cluster): Step {
  const each = Map.groupBy(SERVICES, serviceOf);
  return {
    ends: SERVICES,
    carryOut: async () => void (await Promise.all([...each.values()].map((names) => upgradeInTurn(cluster, names)))),
  };
}

async function upgradeInTurn({ services, newCode }: Cluster, names: readonly string[]): Promise<void> {
  for (const name of names) {
    services.moveTo(name, newCode);
    await services.get(name).terminate();
    await services.untilReady([name]);
    const running = readFileSync(`/proc/${services.get(name).pid}/cmdline`, 'utf8');
    if (!running.includes(`\0${newCode}/services/`)) throw new Error(`${name} does not run the newer version`);
  }
}

/** As for an update of its operating system: its services and its nats-server end, and are started again; the next machine when all are ready and every copy of every stream is up to date. */
function restartOf({ services, nats }: Cluster, machine: string, server: KeptProcess): Step {
  const names = SERVICES.filter((name) => SERVICE_PLACES[name] === machine);
  return {
    ends: [...names, server.name],
    carryOut: async (tell) => {
      await wholeOrMended(nats, tell);
      // It hands over what it leads, and sends its clients to the others, before it ends (lame duck mode).
      await Promise.all([startAgain(server, 'SIGUSR2'), ...names.map((name) => services.get(name).terminate())]);
      await services.untilReady(names);
      await wholeOrMended(nats, tell);
    },
  };
}

/** The old worker keeps its associations until they end; the new one takes what comes. */
function reloadOfBalancer({ balancer }: Cluster): Step {
  return {
    ends: [],
    carryOut: async () => {
      const before = new Set(processTree(balancer.pid!));
      process.kill(balancer.pid!, 'SIGUSR2');
      await until('HAProxy has a new worker', () => processTree(balancer.pid!).some((pid) => !before.has(pid)));
    },
  };
}

/** SIGINT ends open sessions too; images go on meanwhile, the ledger and the page wait. */
function restartOfPostgres({ postgres }: Cluster, process: KeptProcess): Step {
  return {
    ends: [process.name],
    carryOut: async () => {
      await startAgain(process, 'SIGINT');
      await postgres.comeBack();
    },
  };
}

async function startAgain(process: KeptProcess, signal: NodeJS.Signals): Promise<void> {
  const late = new AbortController();
  const ended = await Promise.race([process.stop(signal).then(() => true), pause(ENDS_WITHIN_MS, false, { signal: late.signal })]);
  late.abort();
  if (!ended) await process.stop();
  process.start();
  if (!ended) throw new Error(`${process.name} did not end within ${ENDS_WITHIN_MS / 1000} s`);
}
