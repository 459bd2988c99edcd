// What every run begins and ends with: a folder for its results and logs, another for its data with the older code in it; the data stay when something was found.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkOut } from './checkout.ts';
import type { Cluster } from './cluster.ts';
import { Watch } from './watch.ts';

/** The archive that is to get every instance. */
export const EVERYTHING_AT = 'archive';

export interface RunPlaces {
  /** Results; logs are in it. */
  readonly folder: string;
  readonly logs: string;
  /** Every process of the cluster can read it. */
  readonly data: string;
  /** The code of the version before. */
  readonly older: string;
}

/** What an earlier run left in the folder is removed. `title` tells what runs. */
export function prepareRun(title: string, { folder, from }: { folder: string; from: string }): RunPlaces {
  for (const name of ['logs', 'report.json', 'sent.ndjson']) rmSync(join(folder, name), { recursive: true, force: true });
  const logs = join(folder, 'logs');
  mkdirSync(logs, { recursive: true });
  const data = mkdtempSync(join(tmpdir(), 'causeway-chaos-'));
  chmodSync(data, 0o711);
  console.log(`${title}; logs and results: ${folder}; data: ${data}`);
  const older = join(data, 'older');
  checkOut(from, older);
  return { folder, logs, data, older };
}

/** True when nothing was found. */
export function endRun(
  { folder, logs, data }: RunPlaces,
  { report, lines, findings, again }: { report: object; lines: readonly string[]; findings: number; again: string },
): boolean {
  writeFileSync(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  console.log(lines.join('\n'));
  if (findings === 0) rmSync(data, { recursive: true, force: true });
  else console.log(`NOT GOOD. The same again: ${again}. Logs: ${logs}; data: ${data}`);
  return findings === 0;
}

export function watchArchives({ archives }: Pick<Cluster, 'archives'>): Watch {
  return new Watch(Object.fromEntries([...archives].map(([name, { journal }]) => [name, journal])), EVERYTHING_AT);
}

/** Whole seconds between two instants of performance.now(). */
export const seconds = (from: number, to: number): number => Math.round((to - from) / 1000);
