// A database as it was before partitions and counts, with a day's rows in it, is brought up to date: it is then what the facts would have made it.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { type Database, openDatabase } from './database.ts';
import { aDay } from './day-of-facts-for-tests.ts';
import { readyFact, receivedFact, sampleInstance } from './facts-for-tests.ts';
import { findDifferingCounts } from './kept-counts.ts';
import { everyRow } from './ledger-rows-for-tests.ts';
import { migrate } from './migrate.ts';
import { listMonths, makePartitions } from './month-partitions.ts';
import { applyFacts } from './project-facts.ts';

const LAST_BEFORE = '0011-parked-deliveries.sql';
let postgres: PostgresForTests;
let [now, upgraded]: Database[] = [];
let folder: string;
before(async () => {
  postgres = await startPostgres();
  now = openDatabase(postgres.url);
  await now.query('CREATE DATABASE upgraded');
  upgraded = openDatabase(new URL('/upgraded', postgres.url).href);
  folder = await mkdtemp(path.join(tmpdir(), 'causeway-migrations-'));
});
after(async () => {
  await now?.close();
  await upgraded?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function migrateAsBefore(database: Database): Promise<void> {
  const migrations = path.join(import.meta.dirname, 'migrations');
  for (const name of await readdir(migrations)) if (name <= LAST_BEFORE) await cp(path.join(migrations, name), path.join(folder, name));
  await migrate(database, folder);
}

/** Every row of the table by the columns that the other one can be given. */
async function copyRows(from: Database, to: Database, table: string): Promise<void> {
  const columns = await to.query<{ name: string }>(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = $1 AND is_generated = 'NEVER' ORDER BY 1`,
    [table],
  );
  const names = columns.map(({ name }) => name).join(', ');
  const rows = await from.query<{ row: object }>(`SELECT to_jsonb(t) AS row FROM ${table} t`);
  const sql = `INSERT INTO ${table} (${names}) SELECT ${names} FROM jsonb_populate_recordset(NULL::${table}, $1::jsonb)`;
  await to.query(sql, [JSON.stringify(rows.map(({ row }) => row))]);
}

describe('bringing a database with rows up to date', () => {
  test('keeps every row, and knows outcomes and counts as if it had always kept them', async () => {
    await migrate(now);
    await applyFacts(now, aDay());
    await migrateAsBefore(upgraded);
    // Of what came in before, nobody knows when and how it settled; nor is anything left of a study that all its instances left.
    await now.query('DELETE FROM study_arrivals WHERE study_key NOT IN (SELECT study_key FROM study_counts WHERE receipts > 0)');
    await now.query('UPDATE study_arrivals SET settled_receipt = last_receipt, association = NULL');
    const expected = await everyRow(now);
    const tables = ['studies', 'series', 'instances', 'deliveries', 'retrievals', 'destination_states', 'operator_actions', 'conflicts'];
    for (const table of tables) await copyRows(now, upgraded, table);
    await migrate(upgraded);
    assert.deepEqual(await everyRow(upgraded), expected);
    assert.deepEqual(await findDifferingCounts(upgraded), []);
    assert.ok(expected.instances!.length > 10 && expected.day_outcomes!.length > 4);
  });

  test('has them in the partitions of their months', async () => {
    assert.equal((await listMonths(upgraded))[0], '2026-01-01');
    const places = await upgraded.query<{ place: string }>('SELECT DISTINCT tableoid::regclass::text AS place FROM instances');
    assert.deepEqual(places, [{ place: 'instances_2026_01' }]);
    assert.deepEqual(await upgraded.query('SELECT 1 FROM deliveries_default'), []);
  });
});

describe('partitions', () => {
  test('of a month that nobody made one for are made later, with the rows that came meanwhile, which then still take facts', async () => {
    const lying = async (): Promise<number> => (await now.query('SELECT 1 FROM instances_default')).length;
    assert.ok((await lying()) > 0, 'nothing lies in the default partition');
    const expected = await everyRow(now);
    const made = await makePartitions(now, new Date());
    assert.ok(made.includes('2026-01-01'), made.join());
    assert.equal(await lying(), 0);
    assert.deepEqual(await everyRow(now), expected);
    const instance = sampleInstance(7, 1);
    await applyFacts(now, [receivedFact(instance, 1)]);
    await applyFacts(now, [readyFact(instance, 2)]);
    assert.deepEqual(await findDifferingCounts(now), []);
    assert.deepEqual(await makePartitions(now, new Date()), []);
  });

  test('are made two months ahead', async () => {
    const made = await makePartitions(now, new Date(Date.now() + 62 * 86_400_000));
    assert.ok(made.length >= 1 && (await listMonths(now)).includes(made.at(-1)!));
  });
});
