// Revisions of the gateway document: who, when, why, and the document as its author wrote it.
import type { Database, Queryable } from './database.ts';

export interface ConfigurationRevision {
  readonly revision: number;
  readonly author: string;
  readonly at: Date;
  readonly comment: string;
  readonly origin: 'file' | 'api' | 'default';
  readonly fileHash: string | null;
}

export interface StoredConfiguration extends ConfigurationRevision {
  readonly source: unknown;
}

const NAMED = 'revision, author, at, comment, origin, file_hash AS "fileHash"';

export async function newestConfiguration(target: Queryable): Promise<StoredConfiguration | undefined> {
  const sql = `SELECT ${NAMED}, source FROM configuration_revisions ORDER BY revision DESC LIMIT 1`;
  return (await target.query<StoredConfiguration>(sql))[0];
}

export async function findConfiguration(target: Queryable, revision: number): Promise<StoredConfiguration | undefined> {
  const sql = `SELECT ${NAMED}, source FROM configuration_revisions WHERE revision = $1`;
  return (await target.query<StoredConfiguration>(sql, [revision]))[0];
}

/** Newest first. */
export async function listConfigurations(target: Queryable, limit: number): Promise<ConfigurationRevision[]> {
  return target.query<ConfigurationRevision>(`SELECT ${NAMED} FROM configuration_revisions ORDER BY revision DESC LIMIT $1`, [limit]);
}

/** The revision that no longer had a destination after one that had it; undefined: none ever had it, or the newest still has. */
export async function findRemoval(target: Queryable, destination: string): Promise<{ revision: number } | undefined> {
  const sql = `SELECT min(revision) AS revision FROM configuration_revisions WHERE revision >
    (SELECT max(revision) FROM configuration_revisions WHERE source::jsonb->'destinations' @> jsonb_build_array(jsonb_build_object('id', $1::text)))`;
  const [row] = await target.query<{ revision: number | null }>(sql, [destination]);
  return row?.revision == null ? undefined : { revision: row.revision };
}

/** Hash of the file that was applied last; a file that is still the same is not applied over what was changed by the API since. */
export async function newestFileHash(target: Queryable): Promise<string | undefined> {
  const sql = `SELECT file_hash FROM configuration_revisions WHERE origin = 'file' ORDER BY revision DESC LIMIT 1`;
  return (await target.query<{ file_hash: string }>(sql))[0]?.file_hash;
}

export interface NewConfiguration {
  readonly author: string;
  readonly comment: string;
  readonly origin: ConfigurationRevision['origin'];
  readonly fileHash?: string;
  readonly source: unknown;
  /** The revision it was made from; another one by now: it is not stored. Absent: whatever the newest is. */
  readonly basedOn?: number;
}

/** Stores it as the next revision and resolves with its number; undefined when it is not based on the newest, or its file was applied by another console meanwhile. */
export async function insertConfiguration(database: Database, configuration: NewConfiguration): Promise<number | undefined> {
  return database.transaction(async (transaction) => {
    await transaction.query('LOCK TABLE configuration_revisions IN EXCLUSIVE MODE');
    const newest = (await newestConfiguration(transaction))?.revision ?? 0;
    const { author, comment, origin, fileHash, source, basedOn } = configuration;
    if (basedOn !== undefined && basedOn !== newest) return undefined;
    if (fileHash !== undefined && (await newestFileHash(transaction)) === fileHash) return undefined;
    await transaction.query(
      `INSERT INTO configuration_revisions (revision, author, at, comment, origin, file_hash, source) VALUES ($1, $2, now(), $3, $4, $5, $6)`,
      [newest + 1, author, comment, origin, fileHash ?? null, JSON.stringify(source)],
    );
    return newest + 1;
  });
}
