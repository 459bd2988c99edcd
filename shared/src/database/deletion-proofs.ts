// The audit of deletions: how much of which day and facility was deleted, and why it was allowed (migration 0016).
import type { Queryable } from './database.ts';

export interface DeletionProof {
  readonly hour: Date;
  readonly cause: 'retention' | 'space' | 'sweep' | 'month';
  /** Of receipt; YYYY-MM-DD, UTC. */
  readonly day: string;
  /** The first of those it was routed to; empty: none. */
  readonly facility: string;
  readonly instances: number;
  readonly bytes: number;
  readonly confirmed: number;
  readonly givenUp: number;
  readonly discarded: number;
  readonly lastDoneAt: Date | null;
  readonly waitedSeconds: number | null;
}

/** Newest first. */
export async function listDeletionProofs(target: Queryable, limit: number): Promise<DeletionProof[]> {
  const sql = `SELECT hour, cause, to_char(day, 'YYYY-MM-DD') AS day, facility, instances, bytes, confirmed, given_up AS "givenUp", discarded,
      last_done_at AS "lastDoneAt", extract(epoch FROM waited)::float8 AS "waitedSeconds"
    FROM deletions ORDER BY hour DESC, cause, day, facility LIMIT $1`;
  return target.query<DeletionProof>(sql, [limit]);
}

/** Objects without an owner that were deleted; counted before they are. */
export async function noteSwept(target: Queryable, objects: number): Promise<void> {
  const sql = `INSERT INTO deletions AS p (hour, cause, day, facility, instances, bytes, confirmed, given_up, discarded)
    VALUES (date_trunc('hour', now()), 'sweep', (now() AT TIME ZONE 'UTC')::date, '', $1, 0, 0, 0, 0)
    ON CONFLICT (hour, cause, day, facility) DO UPDATE SET instances = p.instances + excluded.instances`;
  await target.query(sql, [objects]);
}

/** Of the last hour, and of the part of the hour before that it is counted with. */
export async function sweptLately(target: Queryable): Promise<number> {
  const sql = `SELECT COALESCE(sum(instances), 0)::float8 AS swept FROM deletions WHERE cause = 'sweep' AND hour > now() - interval '2 hours'`;
  return (await target.query<{ swept: number }>(sql))[0]!.swept;
}

/** What its clock says. */
export async function databaseClock(target: Queryable): Promise<Date> {
  return (await target.query<{ now: Date }>('SELECT clock_timestamp() AS now'))[0]!.now;
}

/** The last day (UTC) on which something was received; undefined: never. */
export async function lastDayKnown(target: Queryable): Promise<Date | undefined> {
  const sql = `SELECT max(day)::timestamp AT TIME ZONE 'UTC' AS day FROM day_outcomes WHERE facility = '*' AND receipts > 0`;
  return (await target.query<{ day: Date | null }>(sql))[0]!.day ?? undefined;
}
