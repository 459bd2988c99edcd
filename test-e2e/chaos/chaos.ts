// One run from beginning to end: a cluster, modalities, storms, rest, comparison, report.
import { join } from 'node:path';
import { searchForMark } from './canary.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { compareEvidence, type Evidence, type Finding } from './compare.ts';
import type { FaultKind } from './fault-kinds.ts';
import { MemoryWatch } from './memory.ts';
import { Modalities } from './modalities.ts';
import { checkPixels } from './pixels.ts';
import { type ChaosPlan, planChaos, planLines } from './plan.ts';
import { repeatsOf } from './repeats.ts';
import { type ChaosReport, countSent, reportLines } from './report.ts';
import { runStorms } from './run.ts';
import { EVERYTHING_AT, endRun, prepareRun, seconds, watchArchives } from './run-places.ts';
import { gather, type Settled, settle } from './settle.ts';

export interface ChaosOptions {
  readonly seed: number;
  readonly minutes: number;
  readonly kinds: readonly FaultKind[];
  /** Its results and logs; what an earlier run of the seed left is removed. */
  readonly folder: string;
  /** Version of the services before the upgrade. */
  readonly from: string;
}

/** Longer than any step is held up by one fault, and short enough for a run of two minutes. */
const TIMING = { graceMs: 40_000, upkeepMs: 10_000, drainMs: 5_000 };
/** A delivery to a destination that was removed, which the plan does, and nothing else, may fail until an operator tries it again. */
const REMOVED = /was removed from the configuration at revision/;

/** True when nothing was found. */
export async function chaos({ folder, ...options }: ChaosOptions): Promise<boolean> {
  const began = performance.now();
  const { seed, minutes, from } = options;
  const places = prepareRun(`chaos, seed ${seed}, ${minutes} minutes`, { folder, from });
  const { logs, data, older } = places;
  const plan = planChaos(options);
  console.log(planLines(plan).join('\n'));
  const cluster = await startCluster({ logs, data, code: older, timing: TIMING, say: console.log });
  const report = await runOn(cluster, { plan, folder, data, began, from }).finally(() => cluster.stop());
  const again = `npm run chaos -- --minutes ${minutes} --seed ${seed}`;
  return endRun(places, { report, lines: reportLines(report), findings: report.verdict.findings.length, again });
}

interface Running {
  readonly plan: ChaosPlan;
  readonly folder: string;
  readonly data: string;
  readonly began: number;
  readonly from: string;
}

async function runOn(cluster: Cluster, { plan, folder, data, began, from }: Running): Promise<ChaosReport> {
  const started = performance.now();
  const watch = watchArchives(cluster);
  const memory = new MemoryWatch([...cluster.services.all.values(), ...cluster.nats.nodes.map(({ process }) => process)]);
  const log = join(folder, 'sent.ndjson');
  const modalities = new Modalities({ ...cluster.dicom, seed: plan.seed, log, onSent: (line) => watch.sent(line) });
  const { faults, calms } = await runStorms({ plan, cluster, watch, say: console.log });
  const stormed = performance.now();
  await modalities.stop();
  const settled = await settle({ cluster, watch, say: console.log });
  const mostMemory = memory.stop();
  const found = await gather(cluster, watch);
  watch.close();
  const sent = modalities.lines;
  const objects = join(data, 'second', 'objects');
  const { findings: altered, ...pixels } = await checkPixels(objects, sent, join(data, 'decoded'));
  const repeatsBound = plan.storms.flatMap((storm) => storm.faults).reduce((sum, fault) => sum + repeatsOf(fault), 0);
  const canary = await searchForMark(cluster, { logs: join(folder, 'logs'), data, objects }, sent);
  const evidence: Evidence = { ...found, sent, everythingAt: EVERYTHING_AT, repeatsBound };
  const verdict = compareEvidence(evidence);
  const findings = [...verdict.findings, ...altered, ...canary.findings, ...furtherFindings(settled, faults)];
  const { seed, minutes } = plan;
  return {
    ...{
      seed,
      minutes,
      from,
      natsServer: cluster.nats.version,
      plan,
      faults,
      calms,
      settled,
      mostMemory,
      pixels,
      searched: canary.searched,
    },
    verdict: { ...verdict, findings },
    senders: countSent(sent),
    unordered: [...cluster.services.all.values()].flatMap(({ unordered }) => unordered),
    seconds: { starting: seconds(began, started), storms: seconds(started, stormed), total: seconds(began, performance.now()) },
  };
}

function furtherFindings({ atRest, triedAgain, work }: Settled, faults: ChaosReport['faults']): Finding[] {
  const unexplained = Object.keys(triedAgain).filter((reason) => !REMOVED.test(reason));
  const broken = faults.filter(({ problem }) => problem !== undefined).map(({ number, kind, problem }) => `#${number} ${kind}: ${problem}`);
  return [
    ...(atRest ? [] : [{ what: 'not at rest in the end', count: 1, examples: [JSON.stringify(work)] }]),
    ...(unexplained.length > 0
      ? [{ what: 'deliveries failed for a reason that is not in the plan', count: unexplained.length, examples: unexplained }]
      : []),
    ...(broken.length > 0 ? [{ what: 'faults that could not be done or undone', count: broken.length, examples: broken }] : []),
  ];
}
