// As whom Postgres runs: as ourselves, except as root, which it refuses.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { StartProblem } from '../start-problem.ts';

export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

/** Tried in this order; the last is made when none is there. */
const NAMES = ['causeway', 'postgres'];
const MADE = 'causeway';

/** undefined: we are not root, it runs as ourselves. */
export function postgresUser(): OsUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const present = NAMES.map(findUser).find((user) => user !== undefined);
  if (present !== undefined) return present;
  const made = spawnSync('useradd', ['--system', '--no-create-home', '--shell', '/usr/sbin/nologin', MADE], { encoding: 'utf8' });
  const user = findUser(MADE);
  if (user !== undefined) return user;
  throw new StartProblem(
    `Postgres refuses to run as root, and no user could be made for it (${made.error?.message ?? made.stderr.trim()}).\n` +
      'Make one (useradd --system causeway) and start again, or start the gateway as an ordinary user.',
  );
}

function findUser(name: string): OsUser | undefined {
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`));
  if (line === undefined) return undefined;
  const [, , uid, gid] = line.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

/** True when this user can do what `test` names (`-x`, `-r`) with the path; access lists and all parents are counted. */
export function userCan(test: '-x' | '-r' | '-w', path: string, user: OsUser | undefined): boolean {
  return spawnSync('/usr/bin/test', [test, path], { cwd: '/', ...user }).status === 0;
}
