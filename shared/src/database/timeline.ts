// PostgreSQL's timeline counts promotions: a standby that becomes the primary goes on under the next one, and may lack the last that the primary had answered.
import type { Queryable } from './database.ts';

/** SQL: eight hexadecimal digits, which can be compared as text; empty on a standby, which has no position of writing. */
export const TIMELINE = `CASE WHEN pg_is_in_recovery() THEN '' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END`;

export async function readTimeline(target: Queryable): Promise<string> {
  const [row] = await target.query<{ timeline: string }>(`SELECT ${TIMELINE} AS timeline`);
  return row!.timeline;
}
