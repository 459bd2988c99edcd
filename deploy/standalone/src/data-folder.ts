// The folder that holds everything of one gateway: objects, JetStream, Postgres, secrets, logs, and what the supervisor itself remembers.
import { chmodSync, existsSync, mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { StartProblem } from './start-problem.ts';

export interface DataFolder {
  readonly path: string;
  readonly objects: string;
  readonly nats: string;
  readonly postgres: string;
  readonly secrets: string;
  readonly run: string;
  readonly log: string;
  readonly sandbox: string;
}

/** A restore that was interrupted leaves this folder. */
export const RESTORING = '.restoring';
const OWNER_ONLY = 0o700;
/** Root's Postgres runs as another user, which must be able to pass through; each folder inside stays closed. */
const PASS_THROUGH = 0o711;

export function dataFolderAt(path: string): DataFolder {
  const inside = (name: string): string => join(path, name);
  return {
    path,
    objects: inside('objects'),
    nats: inside('nats'),
    postgres: inside('postgres'),
    secrets: inside('secrets'),
    run: inside('run'),
    log: inside('log'),
    sandbox: inside('sandbox'),
  };
}

/** Makes what is missing, closed to others. Throws StartProblem when it cannot be written, or holds half a restore. */
export function prepareDataFolder(path: string): DataFolder {
  const folder = dataFolderAt(path);
  try {
    mkdirSync(path, { recursive: true });
    chmodSync(path, process.getuid?.() === 0 ? PASS_THROUGH : OWNER_ONLY);
    for (const name of ['objects', 'nats', 'postgres', 'secrets', 'run', 'log', 'sandbox'] as const) makeClosed(folder[name]);
  } catch (error) {
    throw new StartProblem(`the data folder ${path} cannot be used: ${(error as Error).message}. CAUSEWAY_DATA names another.`);
  }
  if (existsSync(join(path, RESTORING)))
    throw new StartProblem(`${join(path, RESTORING)} is half a restore: empty the data folder and run the restore again.`);
  return folder;
}

function makeClosed(path: string): void {
  if (existsSync(path)) return;
  mkdirSync(path, { mode: OWNER_ONLY });
  chmodSync(path, OWNER_ONLY);
}

export interface DiskSpace {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export function diskSpaceOf(path: string): DiskSpace {
  const { bavail, blocks, bsize } = statfsSync(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}

const LOW_BYTES = 1024 ** 3;
const LOW_SHARE = 0.05;

/** The default admission watermark (gateway document, admission.freeSpaceBelow): below it the receiver refuses. */
export function isLow({ freeBytes, totalBytes }: DiskSpace): boolean {
  return freeBytes < Math.max(LOW_BYTES, totalBytes * LOW_SHARE);
}
