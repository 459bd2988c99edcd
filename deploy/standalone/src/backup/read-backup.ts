// The story of a restore: into an empty data folder, complete or recognisably not.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type DataFolder, prepareDataFolder, RESTORING } from '../data-folder.ts';
import { lockDataFolder } from '../data-folder-lock.ts';
import { placePostgres } from '../postgres/postgres-places.ts';
import { postgresUser } from '../postgres/postgres-user.ts';
import { StartProblem } from '../start-problem.ts';
import type { Say } from '../terminal.ts';
import { backupFacts, FACTS } from './backup-facts.ts';
import { CLUSTER } from './database-copy.ts';
import { extractTar } from './tar-archive.ts';

export interface RestoreOptions {
  readonly dataFolder: string;
  readonly file: string;
  readonly say: Say;
}

/** Throws StartProblem when the folder is not empty, or the file is no backup of this kind. */
export async function readBackup({ dataFolder, file, say }: RestoreOptions): Promise<void> {
  if (!existsSync(file)) throw new StartProblem(`${file} is not there`);
  if (existsSync(dataFolder) && readdirSync(dataFolder).length > 0)
    throw new StartProblem(
      `the data folder ${dataFolder} is not empty: a restore never overwrites. Move it away, or name another (CAUSEWAY_DATA).`,
    );
  const data = prepareDataFolder(dataFolder);
  const lock = await lockDataFolder(data.path);
  try {
    // Until the end this folder says that the restore is not complete; a start refuses.
    const unpacked = join(data.path, RESTORING);
    mkdirSync(unpacked, { mode: 0o700 });
    say('unpacking');
    await extractTar(file, unpacked);
    checkFacts(file, unpacked);
    moveCluster(data, join(unpacked, CLUSTER));
    for (const name of ['objects', 'secrets'])
      if (existsSync(join(unpacked, name))) renameSync(join(unpacked, name), join(data.path, name));
    for (const name of ['run/document-in-force', 'gateway-document.yaml'])
      if (existsSync(join(unpacked, name))) renameSync(join(unpacked, name), join(data.path, name));
    rmSync(unpacked, { recursive: true });
    spawnSync('sync', ['--file-system', data.path]);
  } finally {
    lock.release();
  }
}

function checkFacts(file: string, unpacked: string): void {
  const path = join(unpacked, FACTS);
  const facts = existsSync(path) ? backupFacts.safeParse(JSON.parse(readFileSync(path, 'utf8'))) : undefined;
  if (!facts?.success) throw new StartProblem(`${file} is not a backup of this gateway, or of a version that this one cannot read`);
  const { postgresMajor } = facts.data;
  const found = readFileSync(join(unpacked, CLUSTER, 'PG_VERSION'), 'utf8').trim();
  if (postgresMajor !== found) throw new StartProblem(`${file} is damaged: it says PostgreSQL ${postgresMajor} and holds ${found}`);
}

/** To where Postgres' user can reach it, owned by that user. */
function moveCluster(data: DataFolder, from: string): void {
  const places = placePostgres(data, postgresUser());
  const { stdout } = spawnSync(join(places.programs, 'postgres'), ['--version'], { encoding: 'utf8', ...places.user, cwd: '/' });
  const major = readFileSync(join(from, 'PG_VERSION'), 'utf8').trim();
  if (!stdout.includes(` ${major}.`))
    throw new StartProblem(`the backup's database needs PostgreSQL ${major}; this version brings ${stdout.trim()}`);
  mkdirSync(dirname(places.cluster), { recursive: true, mode: 0o700 });
  if (places.user !== undefined) run('chown', ['--recursive', `${places.user.uid}:${places.user.gid}`, from]);
  run('mv', ['--no-target-directory', from, places.cluster]);
}

function run(command: string, parameters: string[]): void {
  const { status, stderr } = spawnSync(command, parameters, { encoding: 'utf8' });
  if (status !== 0) throw new StartProblem(`${command} failed: ${stderr.trim()}`);
}
