// Does one fault of the plan to the cluster, and undoes it. Resolves when nothing of it is left but its consequences.
import { setTimeout as pause } from 'node:timers/promises';
import type { Rule } from '@causeway/shared/object-store/s3-fault-proxy-for-tests';
import type { Cluster } from './cluster.ts';
import type { FaultKind } from './fault-kinds.ts';
import { NODES, SERVICES } from './fault-kinds.ts';
import type { PlannedFault } from './plan.ts';
import { serviceOf } from './services.ts';

type Injection = (cluster: Cluster, fault: PlannedFault, say: (line: string) => void) => Promise<void>;

/** A full disk of a receiver: what it holds in memory still goes. */
const SPOOL_LEFT_BYTES = 4_096;
const MACHINES_OF_OTHERS = ['edge', 'store', 'db1', 'db2', 'archive', 'second'];

const S3_RULES: Readonly<Record<string, Rule>> = {
  unavailable: { matching: /./, fault: { kind: 'answer', status: 503, code: 'SlowDown' } },
  internal: { matching: /^(PUT|POST|GET)/, fault: { kind: 'answer', status: 500, code: 'InternalError' } },
  'lost-answers': { matching: /^PUT/, fault: { kind: 'lose-answer' } },
  resets: { matching: /^(PUT|POST)/, fault: { kind: 'reset', afterBytes: 2_000 } },
};

const INJECTIONS: Readonly<Record<FaultKind, Injection>> = {
  kill: async (cluster, { target }) => {
    if (target === 's3-osd' || target === 's3-rgw') await cluster.s3.server.crash(target === 's3-osd' ? 'osd' : 'rgw');
    else await cluster.process(target).kill();
  },
  pause: async (cluster, { target, forMs }) => cluster.process(target).freeze(forMs),
  restart: async (cluster, { target }) => cluster.process(target).terminate(),
  partition: async (cluster, { target, forMs }) => {
    const others = [...NODES, ...MACHINES_OF_OTHERS].filter((name) => name !== target);
    await dropFor(
      cluster,
      others.flatMap((other): Way[] => [
        [target, other],
        [other, target],
      ]),
      forMs,
    );
  },
  'partition-of-two': async (cluster, { target, forMs }) => {
    const [one, other] = target.split(' ') as [string, string];
    await dropFor(
      cluster,
      [
        [one, other],
        [other, one],
      ],
      forMs,
    );
  },
  'partition-one-way': async (cluster, { target, forMs, variant }) => {
    const others = [...NODES, ...MACHINES_OF_OTHERS].filter((name) => name !== target);
    await dropFor(
      cluster,
      others.map((other): Way => (variant === 'out' ? [target, other] : [other, target])),
      forMs,
    );
  },
  'disk-full': async (cluster, { target, forMs }) => cluster.nats.node(target).fillDisk(forMs),
  'slow-disk': async (cluster, { target, forMs }) => cluster.nats.node(target).slowDisk(forMs),
  'spool-full': async ({ spools }, { target, forMs }) => {
    const disk = spools.get(target)!;
    disk.fillUpTo(SPOOL_LEFT_BYTES);
    await pause(forMs);
    disk.empty();
  },
  'clock-step': async ({ services }, { target, variant, forMs }) => {
    services.setClock(target, Number(variant));
    await pause(forMs);
    services.setClock(target, 0);
  },
  'leader-loss': async ({ nats }, { target }, say) => {
    const leader = await nats.leaderOf(target);
    say(leader === undefined ? `${target} has no leader now: nobody is killed` : `${leader.process.name} leads ${target}`);
    await leader?.process.kill();
  },
  's3-loss': async ({ s3 }, { forMs }) => {
    await s3.server.kill();
    await pause(forMs);
    await s3.server.start();
  },
  's3-errors': async ({ s3 }, { variant, forMs }) => {
    s3.behave(S3_RULES[variant!]!);
    await pause(forMs);
    s3.behave();
  },
  'postgres-failover': async ({ postgres }, { forMs }) => {
    await postgres.failOver();
    await pause(forMs);
    await postgres.rejoin();
  },
  'postgres-loss': async ({ postgres }, { forMs }) => {
    await postgres.lose();
    await pause(forMs);
    await postgres.comeBack();
  },
  'rolling-upgrade': upgrade,
  configuration: async (cluster, { variant, forMs }) => {
    await cluster.console.apply(cluster.document(variant), `chaos: ${variant}`);
    await pause(forMs);
    await cluster.console.apply(cluster.document(), 'chaos: as usual');
  },
  'archive-errors': async ({ archives }, { target, variant, forMs }) => archives.get(target)!.misbehave(variant!, forMs),
};

/** `say`: what is only known when it is done. */
export const inject: Injection = (cluster, fault, say) => INJECTIONS[fault.kind](cluster, fault, say);

type Way = [from: string, to: string];

async function dropFor({ network }: Cluster, ways: readonly Way[], forMs: number): Promise<void> {
  const heal = ways.map(([from, to]) => network.drop(from, to));
  await pause(forMs);
  for (const back of heal) back();
}

/** One process of each service at a time, as a rolling update does; the next ones when these are ready. After the first time all run the newer code: then it is a rolling restart. */
async function upgrade({ services, newCode }: Cluster, _fault: PlannedFault, say: (line: string) => void): Promise<void> {
  const rounds = Map.groupBy(SERVICES, (name) => name.slice(serviceOf(name).length));
  for (const [round, names] of rounds) {
    for (const name of names) services.moveTo(name, newCode);
    await Promise.all(names.map((name) => services.get(name).terminate()));
    await services.untilReady(names);
    say(`services ${round.slice(1)} run the newer code`);
  }
}
