// Part a: how many instances a second are taken over so many associations, at what processor time, side by side; and what the disk allows.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { median, quietDisk } from './bench-processes.ts';
import { diskLimit } from './disk-limit.ts';
import type { BenchFile } from './make-files.ts';
import { startOrthanc, startReceiverAlone, startStorescp, type Target } from './peers.ts';
import { processorMs } from './process-costs.ts';
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
  /** Processor time of its processes for each megabyte taken, ms; median over the rounds. */
  readonly processorMsPerMb: Record<string, number>;
  /** Each round as measured, in its order. */
  readonly rounds: Record<string, Measured[]>;
}

interface Measured {
  readonly rate: number;
  readonly processorMsPerMb?: number;
}

interface Surroundings {
  readonly folder: string;
  readonly warmUp: BenchFile[][];
}

/** Of Orthanc, a third of the files gives its rate as well; beyond eight associations it and the whole gateway tell nothing new. */
const ORTHANC_SHARE = 0.3;
const MOST_FOR_ALL = 8;

export async function measureIngest(plan: IngestPlan): Promise<IngestRow[]> {
  const rows: IngestRow[] = [];
  for (const associations of plan.associations) rows.push(await measureAt(plan, associations));
  return rows;
}

async function measureAt(plan: IngestPlan, associations: number): Promise<IngestRow> {
  const rounds: Record<string, Measured[]> = {};
  const candidates = candidatesFor(plan, associations);
  for (let round = 0; round < plan.rounds; round++) {
    // Another order each round, so that no program always runs after the same one.
    for (const [name, measure] of rotate(candidates, round)) {
      await quietDisk(plan.folder);
      rounds[name] = [...(rounds[name] ?? []), await measure()];
    }
  }
  const medians = (pick: (measured: Measured) => number | undefined) =>
    Object.fromEntries(
      Object.entries(rounds).flatMap(([name, measured]) => {
        const values = measured.map(pick).filter((value) => value !== undefined);
        return values.length === 0 ? [] : [[name, median(values)]];
      }),
    );
  return { associations, rounds, rates: medians(({ rate }) => rate), processorMsPerMb: medians((measured) => measured.processorMsPerMb) };
}

function candidatesFor(
  { groups: all, folder, warmUp, wholeGateway }: IngestPlan,
  associations: number,
): [string, () => Promise<Measured>][] {
  const groups = all.slice(0, associations);
  const around = { folder, warmUp };
  const few = groups.map((files) => files.slice(0, Math.max(5, Math.round(files.length * ORTHANC_SHARE))));
  const candidates: [string, () => Promise<Measured>][] = [
    ['storescp', () => measureTarget(() => startStorescp(folder), groups, around)],
    ['causeway receiver', () => measureTarget(() => startReceiverAlone(folder), groups, around)],
    ['two receivers', () => measureTarget(() => startReceiverAlone(folder, 2), groups, around)],
    ['disk limit', async () => ({ rate: await diskLimit(join(folder, 'disk'), associations, Math.ceil(300 / associations)) })],
  ];
  if (associations > MOST_FOR_ALL) return candidates;
  candidates.push(['orthanc', () => measureTarget(() => startOrthanc(folder), few, around)]);
  if (wholeGateway) candidates.push(['causeway gateway', () => measureTarget(wholeGateway, groups, around)]);
  return candidates;
}

async function measureTarget(
  startTarget: () => Promise<Target>,
  groups: BenchFile[][],
  { folder, warmUp }: Surroundings,
): Promise<Measured> {
  const target = await startTarget();
  try {
    // Caches and compiled code are warm for every program alike: a gateway runs for months, and so is measured.
    await sendByStorescu(warmUp, { host: '127.0.0.1', port: target.dicomPort }, folder);
    const before = await processorMs(target.pids);
    const rate = await sendByStorescu(groups, { host: '127.0.0.1', port: target.dicomPort }, folder);
    const took = (await processorMs(target.pids)) - before;
    return { rate, processorMsPerMb: took / (await megabytesOf(groups)) };
  } finally {
    await target.stop();
  }
}

async function megabytesOf(groups: BenchFile[][]): Promise<number> {
  const sizes = await Promise.all(groups.flat().map(async ({ path }) => (await stat(path)).size));
  return sizes.reduce((sum, size) => sum + size, 0) / 1_000_000;
}

const rotate = <T>(items: T[], by: number): T[] => [...items.slice(by % items.length), ...items.slice(0, by % items.length)];
