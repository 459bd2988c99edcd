// Who writes instances, deliveries and what is counted of them does so one after the other: counts are rows that every writer changes, and two that change them in
// different orders would lock each other out. One writer takes the facts of a whole gateway (decision 41).
import type { Database, Queryable } from './database.ts';

/** Any number that nobody else locks: "CWLW" in ASCII. */
const LOCK = 0x43_57_4c_57;

/** A transaction that holds the lock until it ends. */
export function writing<T>(database: Database, work: (transaction: Queryable) => Promise<T>): Promise<T> {
  return database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    return work(transaction);
  });
}
