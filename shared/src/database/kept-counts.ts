// The counts that triggers keep with the rows (migration 0012), compared with what the rows say. They differ only by a fault, or when somebody wrote by hand.
import type { Queryable } from './database.ts';

/** Table, the view that counts it from the rows, its key, and what is counted. */
const COUNTED = [
  ['study_counts', 'counted_studies', ['study_key'], ['receipts', 'instances', 'bytes', 'held', 'quarantined', 'moving']],
  ['study_facilities', 'counted_study_facilities', ['study_key', 'facility'], ['receipts']],
  ['study_deliveries', 'counted_study_deliveries', ['study_key', 'destination', 'state'], ['deliveries']],
  ['study_outcomes', 'counted_study_outcomes', ['study_key', 'day', 'outcome'], ['receipts', 'bytes']],
  ['day_outcomes', 'counted_days', ['day', 'facility', 'outcome'], ['receipts', 'bytes']],
  ['destination_counts', 'counted_destinations', ['destination', 'state'], ['deliveries']],
] as const;

/** Rows of 0 may be there or not. */
const differing = ([table, view, key, counts]: (typeof COUNTED)[number], where: string): string => {
  const columns = [...key, ...counts].join(', ');
  const some = counts.map((count) => `${count} <> 0`).join(' OR ');
  const kept = `SELECT ${columns} FROM ${table} WHERE (${some}) ${where}`;
  const counted = `SELECT ${columns} FROM ${view} WHERE (${some}) ${where}`;
  return `SELECT '${table}' AS "table", count(*) AS rows FROM ((${kept} EXCEPT ${counted}) UNION ALL (${counted} EXCEPT ${kept})) AS different`;
};
const OF_ALL = COUNTED.map((counted) => differing(counted, '')).join(' UNION ALL ');
const OF_STUDIES = COUNTED.filter(([, , [first]]) => first === 'study_key')
  .map((counted) => differing(counted, 'AND study_key = ANY($1::text[])'))
  .join(' UNION ALL ');

export interface DifferingCounts {
  readonly table: string;
  readonly rows: number;
}

/** Tables whose counts are not what the rows say; none: all is well. Without studies everything is counted, which takes minutes for ten million rows. */
export async function findDifferingCounts(target: Queryable, studyKeys?: readonly string[]): Promise<DifferingCounts[]> {
  const found = studyKeys ? target.query<DifferingCounts>(OF_STUDIES, [studyKeys]) : target.query<DifferingCounts>(OF_ALL);
  return (await found).filter(({ rows }) => rows > 0);
}

const SAMPLE = `(SELECT study_key AS "studyKey" FROM studies ORDER BY last_received_at DESC LIMIT $1)
  UNION (SELECT study_key FROM study_counts WHERE study_key >= $2 ORDER BY study_key LIMIT $1)`;

/** The newest studies, and those from this key on. */
export async function sampleStudies(target: Queryable, { most, from }: { most: number; from: string }): Promise<string[]> {
  return (await target.query<{ studyKey: string }>(SAMPLE, [most, from])).map(({ studyKey }) => studyKey);
}

/** The last statement about instances of a transaction: counts the different UIDs of studies that instances came from or went to by a change, which is rare. */
export async function recountStudies(transaction: Queryable): Promise<void> {
  const due = await transaction.query<{ study_key: string }>('DELETE FROM study_recounts RETURNING study_key');
  if (due.length === 0) return;
  const sql = `UPDATE study_counts c SET instances = (SELECT count(DISTINCT i.sop_instance_uid) FROM instances i WHERE i.study_key = c.study_key)
    WHERE c.study_key = ANY($1::text[])`;
  await transaction.query(sql, [due.map(({ study_key }) => study_key)]);
}
