// `npm run chaos -- --rolling`: a cluster under load goes from an older version to this one, then everything is restarted, and nobody who repeats a failed instance once may notice.
import { join } from 'node:path';
import { until } from '../src/wait-for-fact.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { compareEvidence } from './compare.ts';
import { Modalities } from './modalities.ts';
import { checkPixels } from './pixels.ts';
import { repeatsOf } from './repeats.ts';
import { countSent } from './report.ts';
import { type Phase, rollingPhases, type Step } from './rolling-phases.ts';
import { type PhaseRecord, type RollingFigures, type RollingReport, rollingFindings, rollingLines } from './rolling-report.ts';
import { EVERYTHING_AT, endRun, prepareRun, seconds, watchArchives } from './run-places.ts';
import { gather, settle } from './settle.ts';
import type { Watch } from './watch.ts';

export interface RollingOptions {
  readonly seed: number;
  /** Its results and logs; what an earlier run left is removed. */
  readonly folder: string;
  /** Version of the services before the upgrade. */
  readonly from: string;
}

/** A receiver that ends lets associations finish for so long. Most studies of the modalities take less, and notice nothing; some take 20 s and 80 s, and are cut off to repeat. */
const DRAIN_MS = 10_000;
const TIMING = { graceMs: 40_000, upkeepMs: 10_000, drainMs: DRAIN_MS };
/** Before a phase is over: so each one shows something. */
const ACCEPTED_EACH_PHASE = 100;

/** True when nothing was found. */
export async function rolling({ seed, folder, from }: RollingOptions): Promise<boolean> {
  const began = performance.now();
  const places = prepareRun(`rolling upgrade from ${from}`, { folder, from });
  const { logs, data, older } = places;
  const cluster = await startCluster({ logs, data, code: older, timing: TIMING, say: console.log });
  const figures = await rollOn(cluster, { seed, folder, data, began, from }).finally(() => cluster.stop());
  const report: RollingReport = { ...figures, findings: rollingFindings(figures) };
  const again = `npm run chaos -- --rolling --seed ${seed} --from ${from}`;
  return endRun(places, { report, lines: rollingLines(report), findings: report.findings.length, again });
}

async function rollOn(cluster: Cluster, run: RollingOptions & { data: string; began: number }): Promise<RollingFigures> {
  const { seed, folder, data, began, from } = run;
  const watch = watchArchives(cluster);
  const [started, startedAt] = [performance.now(), new Date()];
  const modalities = new Modalities({ ...cluster.dicom, seed, log: join(folder, 'sent.ndjson'), onSent: (line) => watch.sent(line) });
  const phases = rollingPhases(cluster);
  const records: PhaseRecord[] = [];
  for (const phase of phases) records.push(await carryOut(phase, { watch, modalities }));
  const rolled = performance.now();
  await modalities.stop();
  const settled = await settle({ cluster, watch, say: console.log });
  const found = await gather(cluster, watch);
  watch.close();
  const sent = modalities.lines;
  const { findings: altered, ...pixels } = await checkPixels(join(data, 'second', 'objects'), sent, join(data, 'decoded'));
  const verdict = compareEvidence({ ...found, sent, everythingAt: EVERYTHING_AT, repeatsBound: repeatsBoundOf(phases) });
  return {
    ...{ from, drainMs: DRAIN_MS, phases: records, settled, pixels },
    verdict: { ...verdict, findings: [...verdict.findings, ...altered] },
    senders: countSent(sent),
    silentForMs: watch.longestGap(started, rolled),
    unordered: everyProcess(cluster).flatMap(({ unordered }) => unordered.filter(({ at }) => at >= startedAt)),
    seconds: { starting: seconds(began, started), rolling: seconds(started, rolled), total: seconds(began, performance.now()) },
  };
}

async function carryOut({ name, steps }: Phase, { watch, modalities }: { watch: Watch; modalities: Modalities }): Promise<PhaseRecord> {
  const [began, first, acceptedBefore] = [performance.now(), modalities.lines.length, watch.accepted];
  const [problems, interventions]: [string[], string[]] = [[], []];
  const tell = (intervention: string): void => {
    console.log(`an operator acts: ${intervention}`);
    interventions.push(intervention);
  };
  for (const { ends, carryOut: doIt } of steps) {
    console.log(ends.length === 0 ? name : `${name}: ${ends.join(', ')}`);
    await doIt(tell).catch((error: Error) => void problems.push(`${name}: ${error.message}`));
  }
  await until('instances are accepted', () => watch.accepted >= acceptedBefore + ACCEPTED_EACH_PHASE).catch(() => {});
  const ended = performance.now();
  const senders = countSent(modalities.lines.slice(first));
  return {
    ...{ name, restarted: steps.flatMap(({ ends }) => ends).length, senders, problems, interventions },
    seconds: seconds(began, ended),
    silentForMs: watch.longestGap(began, ended),
  };
}

/** What uploaders had in hand each time. */
function repeatsBoundOf(phases: readonly Phase[]): number {
  const ended = phases.flatMap(({ steps }) => steps).flatMap(({ ends }: Step) => ends);
  return ended.reduce((sum, target) => sum + repeatsOf({ number: 0, kind: 'restart', target, atMs: 0, forMs: 0 }), 0);
}

const everyProcess = ({ services, nats, postgres, archives, balancer }: Cluster) => [
  ...services.all.values(),
  ...nats.nodes.map(({ process }) => process),
  ...postgres.processes,
  ...[...archives.values()].map(({ process }) => process),
  balancer,
];
