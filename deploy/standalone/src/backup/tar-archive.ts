// A backup is one tar file, readable by everything; written piece by piece by the system's own tar.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';

export interface Addition {
  /** Names are relative to this folder. */
  readonly folder: string;
  readonly names: readonly string[];
  /** Patterns of tar, not taken along; a folder whose contents are left out stays as an empty one. */
  readonly exclude?: readonly string[];
  /** Written instead of the leading part of each name: [from, to], both without special characters. */
  readonly renamed?: readonly [string, string];
}

/** Adds to the archive, making it when it is not there. What changes or goes away meanwhile is borne: the caller knows that it may. */
export async function addToTar(file: string, addition: Addition): Promise<void> {
  const { folder, names, exclude = [], renamed } = addition;
  await runTar([
    existsSync(file) ? '--append' : '--create',
    `--file=${file}`,
    '--numeric-owner',
    '--warning=no-file-changed',
    '--warning=no-file-removed',
    '--warning=no-file-ignored',
    `--directory=${folder}`,
    ...exclude.map((pattern) => `--exclude=${pattern}`),
    ...(renamed === undefined ? [] : [`--transform=s,^${renamed[0]},${renamed[1]},S`]),
    '--',
    ...names,
  ]);
}

/** Permissions as written, owner: we. */
export const extractTar = (file: string, folder: string): Promise<void> =>
  runTar(['--extract', `--file=${file}`, `--directory=${folder}`, '--no-same-owner', '--preserve-permissions']);

/** tar answers 1 for a file that changed or went away while it was read, 2 for a failure. */
async function runTar(parameters: readonly string[]): Promise<void> {
  const tar = spawn('tar', parameters, { stdio: ['ignore', 'inherit', 'pipe'] });
  let problems = '';
  tar.stderr.on('data', (data: Buffer) => {
    problems = (problems + data.toString()).slice(-4_000);
  });
  const [code] = (await once(tar, 'close')) as [number | null];
  const borne = code === 1 && parameters[0] !== '--extract';
  if (code !== 0 && !borne) throw new Error(`tar failed (${code}): ${problems.trim()}`);
}
