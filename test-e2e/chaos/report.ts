// The figures of a run: for machines as JSON, for people as a table.
import type { Verdict } from './compare.ts';
import type { UnorderedEnd } from './kept-process.ts';
import type { SentLine } from './modalities.ts';
import type { ChaosPlan } from './plan.ts';
import type { Calm, FaultRecord } from './run.ts';
import type { Settled } from './settle.ts';

export interface ChaosReport {
  readonly seed: number;
  readonly minutes: number;
  /** What the services ran before the upgrade. */
  readonly from: string;
  /** Version of the nats-servers. */
  readonly natsServer: string;
  readonly plan: ChaosPlan;
  readonly faults: readonly FaultRecord[];
  readonly calms: readonly Calm[];
  readonly settled: Settled;
  readonly verdict: Verdict;
  /** Compressed in the second archive, and decoded by a foreign program to compare their pixels. */
  readonly pixels: { readonly compressed: number; readonly decoded: number };
  /** For patient data: how much of what. */
  readonly searched: Readonly<Record<string, number>>;
  readonly senders: SenderCounts;
  readonly unordered: readonly UnorderedEnd[];
  /** MiB. */
  readonly mostMemory: Readonly<Record<string, number>>;
  readonly seconds: Readonly<Record<'starting' | 'storms' | 'total', number>>;
}

export interface SenderCounts {
  readonly instances: number;
  readonly accepted: number;
  /** Accepted at the repeat after two seconds. */
  readonly repeated: number;
  /** Given up after the repeat. */
  readonly failed: number;
  readonly brokenOff: number;
  /** Given up, how often for what. */
  readonly reasons: Readonly<Record<string, number>>;
}

export function countSent(lines: readonly SentLine[]): SenderCounts {
  const failed = lines.filter(({ accepted, brokenOff }) => !accepted && !brokenOff);
  const reasons = Map.groupBy(failed, ({ status }) => status);
  return {
    instances: lines.length,
    accepted: lines.filter(({ accepted }) => accepted).length,
    repeated: lines.filter(({ accepted, attempts }) => accepted && attempts > 1).length,
    failed: failed.length,
    brokenOff: lines.filter(({ brokenOff }) => brokenOff).length,
    reasons: Object.fromEntries([...reasons].map(([reason, list]) => [reason, list.length])),
  };
}

export interface KindFigures {
  readonly kind: string;
  readonly faults: number;
  /** Median and longest, ms; Infinity: not within the longest calm. */
  readonly silent: readonly [number, number];
  readonly delivered: readonly [number, number];
}

export function figuresByKind(faults: readonly FaultRecord[]): KindFigures[] {
  const kinds = Map.groupBy(faults, ({ kind }) => kind);
  return [...kinds]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([kind, list]) => ({
      kind,
      faults: list.length,
      silent: medianAndMost(list.map(({ silentForMs }) => silentForMs)),
      delivered: medianAndMost(list.map(({ deliveredAfterMs }) => deliveredAfterMs ?? Number.POSITIVE_INFINITY)),
    }));
}

function medianAndMost(values: readonly number[]): [number, number] {
  const sorted = values.toSorted((one, other) => one - other);
  return [sorted[Math.floor((sorted.length - 1) / 2)]!, sorted.at(-1)!];
}

const inSeconds = (ms: number): string => (Number.isFinite(ms) ? (ms / 1000).toFixed(1) : 'never').padStart(8);

export const kindLines = (faults: readonly FaultRecord[]): string[] => [
  `${'fault'.padEnd(20)} times | no acceptance for: median, worst s | delivered after its end: median, worst s`,
  ...figuresByKind(faults).map(
    ({ kind, faults: times, silent, delivered }) =>
      `${kind.padEnd(20)} ${String(times).padStart(5)} | ${silent.map(inSeconds).join(' ')}                 | ${delivered.map(inSeconds).join(' ')}`,
  ),
];

export function reportLines(report: ChaosReport): string[] {
  const { verdict, senders, settled, unordered, mostMemory, seconds, faults, calms, pixels } = report;
  const worstCalm = (of: (calm: Calm) => number | undefined): string =>
    inSeconds(Math.max(...calms.map((calm) => of(calm) ?? Number.POSITIVE_INFINITY))).trim();
  return [
    `chaos, seed ${report.seed}, ${report.minutes} minutes, upgrade from ${report.from}, nats-server ${report.natsServer}: ${faults.length} faults in ${calms.length} storms`,
    ...kindLines(faults),
    `calms: everything delivered within ${worstCalm(({ drainedAfterMs }) => drainedAfterMs)} s, everything ready within ${worstCalm(({ readyAfterMs }) => readyAfterMs)} s`,
    ...calms.flatMap(({ storm, interventions }) => interventions.map((what) => `  after storm ${storm} an operator had to act: ${what}`)),
    `senders: ${senders.instances} instances, ${senders.accepted} accepted (${senders.repeated} at the repeat), ${senders.failed} given up, ${senders.brokenOff} broken off on purpose`,
    ...Object.entries(senders.reasons).map(([reason, times]) => `  given up ${times} times: ${reason}`),
    `at rest ${inSeconds(settled.afterMs).trim()} s after the last: ${settled.atRest ? 'yes' : `NO, ledger ${JSON.stringify(settled.work)}`}`,
    ...Object.entries(settled.triedAgain).map(([reason, times]) => `  ${times} failed deliveries tried again by an operator: ${reason}`),
    `${verdict.acknowledged} acknowledged, ${verdict.receipts} receipts, ${verdict.deliveries} deliveries, ${verdict.arrivals} arrivals, ${verdict.repeats} repeats (bound ${verdict.repeatsBound}); ${pixels.compressed} compressed, ${pixels.decoded} of them decoded`,
    `searched for patient data: ${Object.entries(report.searched)
      .map(([where, count]) => `${count} ${where}`)
      .join(', ')}`,
    `ended by themselves: ${unordered.length === 0 ? 'none' : unordered.map(({ name, how }) => `${name} (${how})`).join(', ')}`,
    `most memory, MiB: ${Object.entries(mostMemory)
      .map(([name, mib]) => `${name} ${mib}`)
      .join(', ')}`,
    `seconds: ${seconds.starting} until all was started, ${seconds.storms} of storms, ${seconds.total} in all`,
    ...verdict.findings.flatMap(({ what, count, examples }) => [`FOUND: ${count} x ${what}`, ...examples.map((example) => `  ${example}`)]),
  ];
}
