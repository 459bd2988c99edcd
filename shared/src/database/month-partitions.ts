// Instances and deliveries lie in a partition for each month (UTC) of their receipt. Partitions are made ahead; what comes for a month without one lies in the default partition
// until its own is made. A month of which everything is done, and that is old enough, is forgotten as a whole.
import type { Database, Queryable } from './database.ts';
import { writing } from './write-lock.ts';

/** Enough that a ledger may be away for a month. */
const MONTHS_AHEAD = 2;
/** Readers must not wait behind a reader that takes long: then it is tried again in the next round. */
const LOCK_WITHIN = `SET LOCAL lock_timeout = '2s'`;

/** First days of months: those to come, and older ones that the default partition has receipts of. Far future ones (a wrong clock) stay there. */
const MISSING = `
  SELECT DISTINCT month::text FROM (
    SELECT generate_series(date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC'), date_trunc('month', $1::timestamptz AT TIME ZONE 'UTC') + interval '${MONTHS_AHEAD} months',
      interval '1 month')::date AS month
    UNION SELECT date_trunc('month', received_at AT TIME ZONE 'UTC')::date FROM instances_default
      WHERE received_at >= '2020-01-01' AND received_at < $1) AS wanted
  WHERE to_regclass('instances_' || to_char(month, 'YYYY_MM')) IS NULL ORDER BY 1`;

/** Resolves with the months that have partitions now and had none. */
export async function makePartitions(database: Database, now: Date): Promise<string[]> {
  const missing = await database.query<{ month: string }>(MISSING, [now]);
  for (const { month } of missing)
    await writing(database, async (transaction) => {
      await transaction.query(LOCK_WITHIN);
      for (const parent of ['instances', 'deliveries']) await transaction.query('SELECT make_partition($1, $2::date)', [parent, month]);
    });
  return missing.map(({ month }) => month);
}

/** First days of the months that have partitions, oldest first. */
export async function listMonths(target: Queryable): Promise<string[]> {
  const sql = `SELECT to_char(to_date(right(inhrelid::regclass::text, 7), 'YYYY_MM'), 'YYYY-MM-DD') AS month FROM pg_inherits
    WHERE inhparent = 'instances'::regclass AND inhrelid::regclass::text ~ '^instances_[0-9]{4}_[0-9]{2}$' ORDER BY 1`;
  return (await target.query<{ month: string }>(sql)).map(({ month }) => month);
}
