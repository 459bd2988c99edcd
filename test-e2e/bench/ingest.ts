// Part a: how many instances a second are taken over 1, 4 and 8 associations, side by side, and what the disk allows.
import { join } from 'node:path';
import { median } from './bench-processes.ts';
import { diskLimit } from './disk-limit.ts';
import type { BenchFile } from './make-files.ts';
import { startOrthanc, startReceiverAlone, startStorescp, type Target } from './peers.ts';
import { sendByStorescu } from './send-files.ts';

export interface IngestPlan {
  readonly folder: string;
  /** Eight groups; an association sends one. */
  readonly groups: BenchFile[][];
  /** Sent to each program before it is measured. */
  readonly warmUp: BenchFile[][];
  readonly associations: number[];
  readonly rounds: number;
  /** The whole gateway at work, started by the caller, or absent. */
  readonly wholeGateway?: () => Promise<Target>;
}

export interface IngestRow {
  readonly associations: number;
  /** Instances a second by program; median over the rounds. */
  readonly rates: Record<string, number>;
  /** Each round as measured, in its order. */
  readonly rounds: Record<string, number[]>;
}

interface Surroundings {
  readonly folder: string;
  readonly warmUp: BenchFile[][];
}

/** Orthanc takes some 20 to 70 a second: a third of the files gives its rate as well. */
const ORTHANC_SHARE = 0.3;

export async function measureIngest(plan: IngestPlan): Promise<IngestRow[]> {
  const rows: IngestRow[] = [];
  for (const associations of plan.associations) rows.push(await measureAt(plan, associations));
  return rows;
}

async function measureAt(plan: IngestPlan, associations: number): Promise<IngestRow> {
  const rounds: Record<string, number[]> = {};
  const note = (name: string, rate: number) => {
    rounds[name] = [...(rounds[name] ?? []), rate];
  };
  const groups = plan.groups.slice(0, associations);
  const around = { folder: plan.folder, warmUp: plan.warmUp };
  const few = groups.map((files) => files.slice(0, Math.max(5, Math.round(files.length * ORTHANC_SHARE))));
  for (let round = 0; round < plan.rounds; round++) {
    const candidates: [string, () => Promise<number>][] = [
      ['storescp', () => measureTarget(() => startStorescp(plan.folder), groups, around)],
      ['causeway receiver', () => measureTarget(() => startReceiverAlone(plan.folder), groups, around)],
      ['orthanc', () => measureTarget(() => startOrthanc(plan.folder), few, around)],
      ['disk limit', () => diskLimit(join(plan.folder, 'disk'), associations, Math.ceil(300 / associations))],
    ];
    if (plan.wholeGateway) candidates.push(['causeway gateway', () => measureTarget(plan.wholeGateway!, groups, around)]);
    // Another order each round, so that no program always runs after the same one.
    for (const [name, measure] of rotate(candidates, round)) note(name, await measure());
  }
  return { associations, rounds, rates: Object.fromEntries(Object.entries(rounds).map(([name, rates]) => [name, median(rates)])) };
}

async function measureTarget(startTarget: () => Promise<Target>, groups: BenchFile[][], { folder, warmUp }: Surroundings): Promise<number> {
  const target = await startTarget();
  try {
    // Caches and compiled code are warm for every program alike: a gateway runs for months, and so is measured.
    await sendByStorescu(warmUp, target.dicomPort, folder);
    return await sendByStorescu(groups, target.dicomPort, folder);
  } finally {
    await target.stop();
  }
}

const rotate = <T>(items: T[], by: number): T[] => [...items.slice(by % items.length), ...items.slice(0, by % items.length)];
