// What a rolling upgrade came to: nobody may have given up an instance, nothing may be missing or altered, and every step must have been done. Pure.
import type { Finding, Verdict } from './compare.ts';
import type { UnorderedEnd } from './kept-process.ts';
import type { SenderCounts } from './report.ts';
import type { Settled } from './settle.ts';

export interface PhaseRecord {
  readonly name: string;
  /** Processes that were ended and started again. */
  readonly restarted: number;
  readonly seconds: number;
  /** Outcomes of that time, from all senders. */
  readonly senders: SenderCounts;
  /** The longest that no instance was accepted. */
  readonly silentForMs: number;
  /** Steps that could not be done. */
  readonly problems: readonly string[];
  /** What an operator had to do to the nats-servers: nothing that a cluster of them should need. */
  readonly interventions: readonly string[];
}

export interface RollingFigures {
  /** What the services ran before. */
  readonly from: string;
  readonly drainMs: number;
  readonly phases: readonly PhaseRecord[];
  readonly senders: SenderCounts;
  readonly silentForMs: number;
  readonly settled: Settled;
  readonly verdict: Verdict;
  /** Ends that nobody ordered. */
  readonly unordered: readonly UnorderedEnd[];
  /** Compressed in the second archive, and decoded by a foreign program to compare their pixels. */
  readonly pixels: { readonly compressed: number; readonly decoded: number };
  readonly seconds: Readonly<Record<'starting' | 'rolling' | 'total', number>>;
}

export interface RollingReport extends RollingFigures {
  /** Empty: the run is good. */
  readonly findings: readonly Finding[];
}

/** `verdict` has its own findings already. */
export function rollingFindings({ phases, senders, settled, verdict, unordered }: RollingFigures): Finding[] {
  const given = Object.entries(senders.reasons).map(([reason, times]) => `${times} times: ${reason}`);
  const checks: [string, readonly string[]][] = [
    ['given up by a sender that repeats a failed instance once', given],
    ['steps that could not be done', phases.flatMap(({ problems }) => problems)],
    ['phases in which nothing was accepted', phases.filter(({ senders: { accepted } }) => accepted === 0).map(({ name }) => name)],
    ['ended without being told to', unordered.map(({ name, how }) => `${name}: ${how}`)],
    ['deliveries that failed', Object.entries(settled.triedAgain).map(([reason, times]) => `${times} times: ${reason}`)],
    ['not at rest in the end', settled.atRest ? [] : [JSON.stringify(settled.work)]],
  ];
  const found = checks.filter(([, examples]) => examples.length > 0);
  return [...verdict.findings, ...found.map(([what, examples]) => ({ what, count: examples.length, examples }))];
}

export function rollingLines({ findings, ...figures }: RollingReport): string[] {
  const { phases, senders, verdict, settled, seconds, pixels } = figures;
  return [
    `rolling upgrade from ${figures.from} and restart of everything under load; a receiver may finish its associations for ${figures.drainMs / 1000} s`,
    `${'phase'.padEnd(24)} restarted  seconds  instances  at the repeat  given up  nothing accepted for, s`,
    ...phases.map(phaseLine),
    ...phases.flatMap(({ name, interventions }) => interventions.map((what) => `  ${name}: an operator had to act: ${what}`)),
    `${senders.instances} instances sent (${senders.brokenOff} broken off on purpose), ${senders.accepted} accepted, ${senders.repeated} of them at the repeat after 2 s, ${senders.failed} given up; longest time that none was accepted ${tenths(figures.silentForMs)} s`,
    ...Object.entries(senders.reasons).map(([reason, times]) => `  given up ${times} times: ${reason}`),
    `${verdict.acknowledged} acknowledged, ${verdict.receipts} receipts, ${verdict.deliveries} deliveries, ${verdict.arrivals} arrivals, ${verdict.repeats} repeats (bound ${verdict.repeatsBound}); ${pixels.compressed} compressed, ${pixels.decoded} of them decoded`,
    `ledger at rest after ${tenths(settled.afterMs)} s: ${settled.atRest ? 'yes' : 'NO'}`,
    `seconds: ${seconds.starting} until all was started, ${seconds.rolling} of upgrade and restarts, ${seconds.total} in all`,
    ...findings.flatMap(({ what, count, examples }) => [`FOUND: ${count} x ${what}`, ...examples.map((example) => `  ${example}`)]),
  ];
}

function phaseLine({ name, restarted, seconds, senders, silentForMs }: PhaseRecord): string {
  const columns: [string | number, number][] = [
    [restarted, 9],
    [seconds, 8],
    [senders.instances, 10],
    [senders.repeated, 14],
    [senders.failed, 9],
    [tenths(silentForMs), 24],
  ];
  return `${name.padEnd(24)} ${columns.map(([value, width]) => String(value).padStart(width)).join(' ')}`;
}

const tenths = (ms: number): string => (ms / 1000).toFixed(1);
