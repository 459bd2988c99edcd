// Up to which fact of the stream this database has been told everything.
import { TransientError } from '../errors.ts';
import type { Queryable } from './database.ts';
import { TIMELINE } from './timeline.ts';

/** `made`: when the stream was made. Everything up to and with `sequence` is written here. */
export interface FactsPosition {
  readonly made: string;
  readonly sequence: number;
  /** Of the server when it was read: of another one only what was written before the position is surely there. */
  readonly timeline: string;
}

/** undefined: an empty database, or one from before this was noted. */
export async function readFactsPosition(target: Queryable): Promise<FactsPosition | undefined> {
  const sql = `SELECT stream_made AS made, sequence::float8 AS sequence, ${TIMELINE} AS timeline FROM facts_position`;
  return (await target.query<FactsPosition>(sql))[0];
}

/**
 * Whether the database still has what a process noted in it, or another process after that: then everything acknowledged since is there too. Not after a promotion: a standby
 * that streamed has the place, and may lack the last of what came after it.
 */
export const goesOn = (known: FactsPosition | undefined, noted: FactsPosition | undefined): boolean =>
  known !== undefined &&
  noted !== undefined &&
  known.made === noted.made &&
  known.timeline === noted.timeline &&
  known.sequence >= noted.sequence;

/** Throws TransientError, and writes nothing, when a standby was promoted since: it may lack what the position says. */
export async function writeFactsPosition(target: Queryable, { made, sequence, timeline }: FactsPosition): Promise<void> {
  const sql = `INSERT INTO facts_position (stream_made, sequence) SELECT $1, $2::bigint WHERE ${TIMELINE} = $3
    ON CONFLICT (only_row) DO UPDATE SET stream_made = excluded.stream_made, sequence = excluded.sequence RETURNING sequence`;
  const written = await target.query(sql, [made, sequence, timeline]);
  if (written.length === 0) throw new TransientError('a standby of PostgreSQL was promoted meanwhile: what it lacks is told again first');
}
