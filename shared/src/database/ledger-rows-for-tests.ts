// Every row that the projection writes, to be compared or deleted by tests.
import type { Database } from './database.ts';

const TABLES: Record<string, string> = {
  studies: 'study_key',
  series: 'study_key, series_key',
  instances: 'receipt_id',
  deliveries: 'id',
  retrievals: 'id',
  destination_states: 'destination',
  operator_actions: 'id',
  conflicts: 'sop_instance_uid',
  study_arrivals: 'study_key',
  study_settlings: 'study_key, receipt_id',
  association_ends: 'id',
};

/** Counts by their key; of those that came down to 0 nothing is left to tell. */
const COUNTS: Record<string, string> = {
  'study_key, receipts, instances, bytes, held, quarantined, moving': 'study_counts',
  'study_key, facility, receipts': 'study_facilities',
  'study_key, destination, state, deliveries': 'study_deliveries',
  'study_key, day, outcome, receipts, bytes': 'study_outcomes',
  'day, facility, outcome, receipts, bytes': 'day_outcomes',
  'destination, state, deliveries': 'destination_counts',
};

export async function everyRow(database: Database): Promise<Record<string, unknown[]>> {
  const selects = [
    ...Object.entries(TABLES).map(([table, key]) => [table, `SELECT * FROM ${table} ORDER BY ${key}`] as const),
    ...Object.entries(COUNTS).map(([columns, table]) => {
      const count = /\b(receipts|deliveries)\b/.exec(columns)![0];
      return [table, `SELECT ${columns} FROM ${table} WHERE ${count} <> 0 ORDER BY ${columns}`] as const;
    }),
  ];
  const rows = await Promise.all(selects.map(([, sql]) => database.query(sql)));
  return Object.fromEntries(selects.map(([table], at) => [table, rows[at]!]));
}

export async function deleteEveryRow(database: Database): Promise<void> {
  for (const table of Object.keys(TABLES)) await database.query(`DELETE FROM ${table}`);
}
