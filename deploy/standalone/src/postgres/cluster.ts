// The files of our PostgreSQL: made at the first start, made safe to start on after a crash.
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { identityOf, linkOf } from '../process-identity.ts';
import { StartProblem } from '../start-problem.ts';
import type { Say } from '../terminal.ts';
import type { PostgresPlaces } from './postgres-places.ts';

export const ADMIN = 'postgres';

/** initdb, when there is no cluster: complete or not there, because it is made under another name. */
export function ensureCluster(places: PostgresPlaces, adminPassword: string, say: Say): void {
  const { programs, cluster, user } = places;
  if (existsSync(join(cluster, 'PG_VERSION'))) return;
  say('making the database');
  const fresh = `${cluster}.new`;
  rmSync(fresh, { recursive: true, force: true });
  const secretFolder = mkdtempSync(join(tmpdir(), 'causeway-initdb-'));
  const passwordFile = join(secretFolder, 'password');
  try {
    writeFileSync(passwordFile, `${adminPassword}\n`, { mode: 0o600 });
    if (user !== undefined) for (const path of [secretFolder, passwordFile]) chownSync(path, user.uid, user.gid);
    const made = spawnSync(join(programs, 'initdb'), initdbArguments(fresh, passwordFile), {
      cwd: '/',
      encoding: 'utf8',
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      ...user,
    });
    if (made.status !== 0)
      throw new StartProblem(`the database could not be made in ${cluster}: ${made.error?.message ?? made.stderr.trim()}`);
  } finally {
    rmSync(secretFolder, { recursive: true, force: true });
  }
  renameSync(fresh, cluster);
}

/** Text sorts and folds case by Unicode, whatever locales the machine has (PostgreSQL 17 and later bring their own). */
function initdbArguments(cluster: string, passwordFile: string): string[] {
  return [
    `--pgdata=${cluster}`,
    `--username=${ADMIN}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
  ];
}

/** Processes of PostgreSQL at work on this cluster: the server and its backends have it as working folder. */
export function processesOn(cluster: string): number[] {
  // The kernel names a working folder without links.
  const folder = realpathSync(cluster);
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter(
      (pid) => linkOf(pid, 'cwd') === folder && basename(linkOf(pid, 'exe') ?? '').startsWith('postgres') && identityOf(pid) !== undefined,
    );
}

const ENDS_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 50;

/**
 * Before a start: nothing may still be at work on the files, and the pid file of a crash is removed only then (a foreign process may have got
 * its number, and PostgreSQL would refuse to start for ever). Throws StartProblem when something does not end.
 */
export async function clearCluster(cluster: string): Promise<void> {
  const until = Date.now() + ENDS_WITHIN_MS;
  for (const pid of processesOn(cluster)) end(pid, 'SIGINT');
  while (processesOn(cluster).length > 0) {
    if (Date.now() > until)
      throw new StartProblem(`PostgreSQL processes ${processesOn(cluster).join(', ')} are still at work on ${cluster}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in between.
  }
}
