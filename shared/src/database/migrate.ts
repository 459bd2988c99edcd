// Brings the schema up to date: numbered SQL files, each applied once, in order, under a lock that excludes other processes.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describeError, PermanentError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type Database, openDatabase, type Queryable } from './database.ts';
import type { DatabaseAddress } from './database-address.ts';

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  /** Breaking: a program that does not know this migration must not run on the schema. First line of the file: `-- breaking: yes|no.` */
  readonly breaking: boolean;
  readonly sql: string;
}

interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
  readonly breaking: boolean;
}

const OWN_MIGRATIONS = path.join(import.meta.dirname, 'migrations');
/** Any number that nobody else locks: "CWGM" in ASCII. */
const LOCK = 0x43_57_47_4d;
const FILE_NAME = /^(\d{4})-[a-z0-9-]+\.sql$/;
const FIRST_LINE = /^-- breaking: (yes|no)\. \S/;

/** Resolves with the names of the migrations applied now. Throws PermanentError when the schema and this program do not fit together. */
export async function migrate(database: Database, folder = OWN_MIGRATIONS): Promise<string[]> {
  const known = await readMigrations(folder);
  return database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await transaction.query(
      `CREATE TABLE IF NOT EXISTS migrations
       (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, breaking boolean NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`,
    );
    const applied = await transaction.query<AppliedMigration>('SELECT number, name, checksum, breaking FROM migrations ORDER BY number');
    assertFitting(applied, known);
    const missing = known.filter((migration) => applied.every((done) => done.number !== migration.number));
    for (const migration of missing) await apply(transaction, migration);
    return missing.map((migration) => migration.name);
  });
}

async function readMigrations(folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  return Promise.all(names.map((name) => readMigration(folder, name)));
}

async function readMigration(folder: string, name: string): Promise<Migration> {
  const sql = await readFile(path.join(folder, name), 'utf8');
  const number = FILE_NAME.exec(name)?.[1];
  const breaking = FIRST_LINE.exec(sql)?.[1];
  if (number === undefined) throw new PermanentError(`migration ${name}: the name must be 0001-what-it-does.sql`);
  if (breaking === undefined) throw new PermanentError(`migration ${name}: the first line must be "-- breaking: yes|no. <what it does>"`);
  const checksum = createHash('sha256').update(sql).digest('hex');
  return { number: Number(number), name, checksum, breaking: breaking === 'yes', sql };
}

function assertFitting(applied: AppliedMigration[], known: Migration[]): void {
  for (const done of applied) {
    const own = known.find((migration) => migration.number === done.number);
    if (own && own.checksum !== done.checksum) {
      throw new PermanentError(`migration ${done.name} was changed after it was applied: add a new one instead`);
    }
    if (!own && done.breaking) {
      throw new PermanentError(
        `the database has the breaking migration ${done.name}, which this program does not know: run a newer program`,
      );
    }
  }
}

async function apply(transaction: Queryable, migration: Migration): Promise<void> {
  await transaction.query(migration.sql);
  const { number, name, checksum, breaking } = migration;
  await transaction.query('INSERT INTO migrations (number, name, checksum, breaking) VALUES ($1, $2, $3, $4)', [
    number,
    name,
    checksum,
    breaking,
  ]);
}

/** Between two tries while PostgreSQL is away. */
const AGAIN_AFTER_MS = 1_000;

/** A migration may rewrite every row of a ledger of years: some 2.5 minutes for a million instances with two deliveries each, on two busy cores. */
const MIGRATED_WITHIN_MS = 6 * 3_600_000;

/**
 * As migrate, for as long as it takes until PostgreSQL is there, by a connection of its own: a migration may take longer than anything else. Resolves with false when it
 * was aborted first.
 */
export async function migrateForEver(address: DatabaseAddress | string, log: Logger, aborted: AbortSignal): Promise<boolean> {
  const database = openDatabase(address, { maxConnections: 1, statementTimeoutMs: MIGRATED_WITHIN_MS });
  try {
    return await untilMigrated(database, log, aborted);
  } finally {
    await database.close();
  }
}

async function untilMigrated(database: Database, log: Logger, aborted: AbortSignal): Promise<boolean> {
  while (!aborted.aborted) {
    try {
      const applied = await migrate(database);
      if (applied.length > 0) log.info({ migrations: applied }, 'database migrated');
      return true;
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'the database is not ready, trying again');
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    }
  }
  return false;
}
