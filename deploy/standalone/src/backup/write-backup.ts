// The story of a backup: database first, then objects, secrets and the gateway document, into one tar file.
//
// The database comes first: an object that it does not know yet is found by reconciliation and set in motion again; the other way round
// it would know objects that the backup does not hold. JetStream is left out: its files cannot be copied while it works, and what is still
// to be done is found from objects and ledger. The sandbox archive is left out: it is an archive of its own, not the gateway's.
import { copyFileSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type DataFolder, dataFolderAt } from '../data-folder.ts';
import { DataFolderTaken, lockDataFolder } from '../data-folder-lock.ts';
import { readPorts } from '../ports.ts';
import { processesOn } from '../postgres/cluster.ts';
import { openAsAdmin } from '../postgres/postgres.ts';
import { clusterOf } from '../postgres/postgres-places.ts';
import { ensureSecrets } from '../secrets.ts';
import { StartProblem } from '../start-problem.ts';
import type { Say } from '../terminal.ts';
import { type BackupFacts, FACTS, FORMAT } from './backup-facts.ts';
import { copyAtRest, copyAtWork } from './database-copy.ts';
import { addToTar } from './tar-archive.ts';

export interface BackupOptions {
  readonly dataFolder: string;
  readonly configFile: string | undefined;
  /** A folder (the file gets a name with the time) or the name of a file that is not there yet. */
  readonly target: string;
  readonly say: Say;
}

/** Path of the backup, complete and synced, readable by its owner alone. Throws StartProblem. */
export async function writeBackup(options: BackupOptions): Promise<string> {
  const data = dataFolderAt(options.dataFolder);
  const cluster = clusterOf(data);
  if (!existsSync(join(cluster, 'PG_VERSION')))
    throw new StartProblem(`${data.path} is not the data folder of a gateway (CAUSEWAY_DATA names it)`);
  const file = targetFile(options.target);
  const release = await holdStill(data, cluster);
  const scratch = mkdtempSync(join(tmpdir(), 'causeway-backup-'));
  const part = `${file}.part`;
  try {
    rmSync(part, { force: true });
    await writeParts({ data, cluster, scratch, part }, options);
    await sync(part);
    renameSync(part, file);
    return file;
  } finally {
    rmSync(part, { force: true });
    rmSync(scratch, { recursive: true, force: true });
    release();
  }
}

function targetFile(target: string): string {
  const isFolder = existsSync(target) && statSync(target).isDirectory();
  const time = new Date().toISOString().slice(0, 19).replace(/[-:]/g, '').replace('T', '-');
  const file = isFolder ? join(target, `causeway-${time}.tar`) : resolve(target);
  if (existsSync(file)) throw new StartProblem(`${file} is there already: choose another name`);
  if (!existsSync(join(file, '..'))) throw new StartProblem(`the folder of ${file} is not there`);
  return file;
}

/** A stopped gateway is not started meanwhile; a running one goes on, but its files are never copied as if nobody worked on them. */
async function holdStill(data: DataFolder, cluster: string): Promise<() => void> {
  try {
    const lock = await lockDataFolder(data.path);
    return () => lock.release();
  } catch (error) {
    if (!(error instanceof DataFolderTaken)) throw error;
    if (processesOn(cluster).length > 0) return () => {};
    throw new StartProblem(`${error.message}, and its database does not run: it is just starting or stopping. Try again in a moment.`);
  }
}

interface Places {
  readonly data: DataFolder;
  readonly cluster: string;
  readonly scratch: string;
  readonly part: string;
}

async function writeParts({ data, cluster, scratch, part }: Places, { configFile, say }: BackupOptions): Promise<void> {
  const live = processesOn(cluster).length > 0;
  const facts: BackupFacts = {
    format: FORMAT,
    at: new Date().toISOString(),
    live,
    postgresMajor: readFileSync(join(cluster, 'PG_VERSION'), 'utf8').trim(),
  };
  writeFileSync(join(scratch, FACTS), JSON.stringify(facts, null, 2));
  await addToTar(part, { folder: scratch, names: [FACTS] });
  say(`database (${live ? 'at work' : 'at rest'})`);
  if (live) await copyLive(data, { file: part, cluster, scratch });
  else await copyAtRest(part, cluster);
  say('objects');
  const names = ['objects', 'secrets', 'run/document-in-force'].filter((name) => existsSync(join(data.path, name)));
  await addToTar(part, { folder: data.path, names, exclude: ['objects/.incoming/*'] });
  if (configFile === undefined || !existsSync(configFile)) return;
  copyFileSync(configFile, join(scratch, 'gateway-document.yaml'));
  await addToTar(part, { folder: scratch, names: ['gateway-document.yaml'] });
}

async function copyLive(data: DataFolder, copy: { file: string; cluster: string; scratch: string }): Promise<void> {
  const admin = openAsAdmin(readPorts(data.run).postgres!, ensureSecrets(data.secrets));
  try {
    await copyAtWork({ ...copy, admin });
  } finally {
    await admin.close();
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
