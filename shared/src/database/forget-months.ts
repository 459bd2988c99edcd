// A month of which everything is done leaves the ledger as a whole, when its rows have been kept long enough. What remains of it: its days (day_outcomes) and the proof (deletions).
import type { Database, Queryable } from './database.ts';
import { listMonths } from './month-partitions.ts';
import { writing } from './write-lock.ts';

export interface ForgottenMonth {
  readonly month: string;
  readonly instances: number;
  readonly studies: number;
}

/** A month that is old enough, and what keeps it. */
export interface KeptMonth {
  readonly month: string;
  readonly withObject: boolean;
  readonly notDone: boolean;
}

const LOCK_WITHIN = `SET LOCAL lock_timeout = '2s'`;
/** The counts of a study that has receipts in other months are made again from those. */
const COUNTS = [
  ['study_counts', 'counted_studies'],
  ['study_facilities', 'counted_study_facilities'],
  ['study_deliveries', 'counted_study_deliveries'],
  ['study_outcomes', 'counted_study_outcomes'],
] as const;

/** Months that ended before `before`, oldest first; those of which something is not done, or still has its object, are kept. */
export async function forgetMonths(database: Database, before: Date): Promise<{ forgotten: ForgottenMonth[]; kept: KeptMonth[] }> {
  const [forgotten, kept]: [ForgottenMonth[], KeptMonth[]] = [[], []];
  for (const month of (await listMonths(database)).filter((first) => endOf(first) <= before)) {
    const found = await whatKeeps(database, month);
    const done = isKept(found) ? found : await forget(database, month);
    if ('withObject' in done) kept.push(done);
    else forgotten.push(done);
  }
  return { forgotten, kept };
}

const isKept = ({ withObject, notDone }: KeptMonth): boolean => withObject || notDone;

const endOf = (month: string): Date => new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 1));
const partition = (parent: 'instances' | 'deliveries', month: string): string => `${parent}_${month.slice(0, 4)}_${month.slice(5, 7)}`;

async function whatKeeps(target: Queryable, month: string): Promise<KeptMonth> {
  const [instances, deliveries] = [partition('instances', month), partition('deliveries', month)];
  const sql = `SELECT EXISTS (SELECT FROM ${instances} WHERE object_deleted_at IS NULL) AS "withObject",
    EXISTS (SELECT FROM ${instances} WHERE outcome NOT IN ('delivered', 'discarded'))
      OR EXISTS (SELECT FROM ${deliveries} WHERE state NOT IN ('confirmed', 'discarded')) AS "notDone"`;
  return { month, ...(await target.query<Omit<KeptMonth, 'month'>>(sql))[0]! };
}

/** Looks once more where nobody else writes: a receipt or a fact of the month may have come since. */
async function forget(database: Database, month: string): Promise<ForgottenMonth | KeptMonth> {
  const [instances, deliveries] = [partition('instances', month), partition('deliveries', month)];
  return writing(database, async (transaction) => {
    await transaction.query(LOCK_WITHIN);
    const found = await whatKeeps(transaction, month);
    if (isKept(found)) return found;
    await transaction.query(`CREATE TEMP TABLE gone ON COMMIT DROP AS SELECT study_key, count(*) AS receipts FROM ${instances} GROUP BY 1`);
    const [count] = await transaction.query<{ instances: number; studies: number }>(
      'SELECT COALESCE(sum(receipts), 0)::float8 AS instances, count(*) AS studies FROM gone',
    );
    await transaction.query(PROOF(instances, deliveries), [month]);
    // Each is a table: no row is read.
    await transaction.query(`DROP TABLE ${instances}`);
    await transaction.query(`DROP TABLE ${deliveries}`);
    await forgetStudies(transaction);
    return { month, ...count! };
  });
}

const PROOF = (instances: string, deliveries: string): string => `
  INSERT INTO deletions (hour, cause, day, facility, instances, bytes, confirmed, given_up, discarded, last_done_at)
  SELECT date_trunc('hour', now()), 'month', $1::date, '*', count(*), COALESCE(sum(size), 0), (SELECT count(*) FROM ${deliveries} WHERE state = 'confirmed'),
    (SELECT count(*) FROM ${deliveries} WHERE state = 'discarded'), count(*) FILTER (WHERE state = 'discarded'), max(done_at) FROM ${instances}
  ON CONFLICT DO NOTHING`;

async function forgetStudies(transaction: Queryable): Promise<void> {
  await transaction.query(
    'CREATE TEMP TABLE staying ON COMMIT DROP AS SELECT study_key FROM gone WHERE EXISTS (SELECT FROM instances i WHERE i.study_key = gone.study_key)',
  );
  const left = 'study_key IN (SELECT study_key FROM gone EXCEPT SELECT study_key FROM staying)';
  await transaction.query(`DELETE FROM deliveries WHERE filed_under = '00000000-0000-0000-0000-000000000000' AND ${left}`);
  for (const [table, view] of COUNTS) {
    await transaction.query(`DELETE FROM ${table} WHERE study_key IN (SELECT study_key FROM gone)`);
    await transaction.query(`INSERT INTO ${table} SELECT * FROM ${view} WHERE study_key = ANY(ARRAY(SELECT study_key FROM staying))`);
  }
  for (const table of ['studies', 'series', 'facility_studies', 'study_arrivals', 'study_settlings'])
    await transaction.query(`DELETE FROM ${table} WHERE ${left}`);
  await transaction.query(
    'DELETE FROM conflicts c WHERE NOT EXISTS (SELECT FROM instances i WHERE i.sop_instance_uid = c.sop_instance_uid)',
  );
}
