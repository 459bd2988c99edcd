// Up to which fact of the stream this database has been told everything.
import type { Queryable } from './database.ts';

/** `made`: when the stream was made. Everything up to and with `sequence` is written here. */
export interface FactsPosition {
  readonly made: string;
  readonly sequence: number;
}

/** undefined: an empty database, or one from before this was noted. */
export async function readFactsPosition(target: Queryable): Promise<FactsPosition | undefined> {
  const sql = 'SELECT stream_made AS made, sequence::float8 AS sequence FROM facts_position';
  return (await target.query<FactsPosition>(sql))[0];
}

export async function writeFactsPosition(target: Queryable, { made, sequence }: FactsPosition): Promise<void> {
  const sql = `INSERT INTO facts_position (stream_made, sequence) VALUES ($1, $2)
    ON CONFLICT (only_row) DO UPDATE SET stream_made = excluded.stream_made, sequence = excluded.sequence`;
  await target.query(sql, [made, sequence]);
}
