// Migrations against a real PostgreSQL.
import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { type Database, openDatabase } from './database.ts';
import { migrate } from './migrate.ts';

let postgres: PostgresForTests;
let database: Database;
let folder: string;
before(async () => {
  postgres = await startPostgres();
  database = openDatabase(postgres.url);
  folder = await mkdtemp(path.join(tmpdir(), 'causeway-migrations-'));
  await cp(path.join(import.meta.dirname, 'migrations'), folder, { recursive: true });
});
after(async () => {
  await database?.close();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

describe('migrate', () => {
  test('of six processes that start at the same time exactly one applies each migration', async () => {
    const results = await Promise.all(Array.from({ length: 6 }, () => migrate(database, folder)));
    assert.deepEqual(results.flat().sort(), (await readdir(folder)).sort());
    assert.deepEqual(await migrate(database, folder), []);
  });

  test('a failing migration leaves nothing behind, and can be applied once it is mended', async () => {
    const file = path.join(folder, '0903-colours.sql');
    await writeFile(file, '-- breaking: no. Colours.\nCREATE TABLE colours (name text); SELECT 1/0;');
    await assert.rejects(migrate(database, folder), /SQLSTATE 22012/);
    await writeFile(file, '-- breaking: no. Colours.\nCREATE TABLE colours (name text);');
    assert.deepEqual(await migrate(database, folder), ['0903-colours.sql']);
  });

  test('a migration that was changed after it was applied is refused', async () => {
    await writeFile(path.join(folder, '0903-colours.sql'), '-- breaking: no. Colours.\nCREATE TABLE colours (name varchar);');
    await assert.rejects(migrate(database, folder), /0903-colours.sql was changed/);
    await rm(path.join(folder, '0903-colours.sql'));
  });

  test('an older program runs on a newer schema unless a migration that it does not know is breaking', async () => {
    assert.deepEqual(await migrate(database, folder), []);
    await writeFile(path.join(folder, '0904-shapes.sql'), '-- breaking: yes. Shapes.\nCREATE TABLE shapes (name text);');
    await migrate(database, folder);
    await rm(path.join(folder, '0904-shapes.sql'));
    await assert.rejects(migrate(database, folder), /breaking migration 0904-shapes.sql/);
  });

  test('a file that does not say whether it breaks is refused', async () => {
    await writeFile(path.join(folder, '0905-sizes.sql'), 'CREATE TABLE sizes (name text);');
    await assert.rejects(migrate(database, folder), /first line must be/);
  });
});
