// Several PostgreSQL hosts, of which one accepts writes: real servers, one streams from the other, and is promoted.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { beStandbyOf, type PostgresForTests, startPostgres, startStandby } from '../../../test-e2e/src/postgres-for-tests.ts';
import { TransientError } from '../errors.ts';
import { type Database, openDatabase } from './database.ts';

const hostOf = ({ url }: PostgresForTests): string => new URL(url).host;
const bothOf = (one: PostgresForTests, other: PostgresForTests): string => one.url.replace(hostOf(one), `${hostOf(one)},${hostOf(other)}`);

/** Resolves once the row is there; a failure that may pass is tried again, as whoever writes to the ledger does. Returns how often it failed. */
async function insert(database: Database, n: number): Promise<number> {
  for (let failures = 0; ; failures++) {
    try {
      await database.query('INSERT INTO rows_of_test VALUES ($1) ON CONFLICT DO NOTHING', [n]);
      return failures;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** What each connection says that is open at the same time. */
const ports = async (database: Database): Promise<number[]> => {
  const answers = await Promise.all(
    Array.from({ length: 4 }, () => database.query<{ port: number }>('SELECT inet_server_port() AS port, pg_sleep(0.05)')),
  );
  return [...new Set(answers.map(([row]) => row!.port))];
};
const portOf = ({ url }: PostgresForTests): number => Number(new URL(url).port);

async function untilStreamed(primary: Database, standby: Database): Promise<void> {
  const count = async (of: Database): Promise<number> => (await of.query<{ n: number }>('SELECT count(*) AS n FROM rows_of_test'))[0]!.n;
  const wanted = await count(primary);
  while ((await count(standby).catch(() => -1)) !== wanted) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('a database of several hosts', () => {
  let one: PostgresForTests;
  let other: PostgresForTests;
  let database: Database;
  before(async () => {
    one = await startPostgres();
    other = await startStandby(one);
    // The standby stands first in the list.
    database = openDatabase(bothOf(other, one));
    await database.query('CREATE TABLE rows_of_test (n bigint PRIMARY KEY)');
  });
  after(async () => {
    await database?.close();
    await Promise.all([one?.stop(), other?.stop()]);
  });

  it('is used where it accepts writes, by every connection, whatever comes first in the list', async () => {
    assert.deepEqual(await ports(database), [portOf(one)]);
  });

  it('goes on on the standby once that is promoted after the primary was killed; what was written is there', async () => {
    const onStandby = openDatabase(other.url);
    assert.equal(await insert(database, 1), 0);
    await untilStreamed(database, onStandby);
    await one.kill();
    await assert.rejects(database.query('INSERT INTO rows_of_test VALUES (0)'), TransientError);
    await assert.rejects(database.query('SELECT 1'), /no host accepts writes \(.+ is read-only, .+ did not answer \(ECONNREFUSED\)\)/);
    await onStandby.query('SELECT pg_promote()');
    await insert(database, 2);
    assert.deepEqual(await ports(database), [portOf(other)]);
    assert.deepEqual(await database.query('SELECT n FROM rows_of_test ORDER BY n'), [{ n: 1 }, { n: 2 }]);
    await onStandby.close();
  });

  it('stays with the host that was promoted last when the former primary comes back and accepts writes as well', async () => {
    await one.start();
    const fresh = openDatabase(bothOf(one, other));
    assert.deepEqual(await ports(fresh), [portOf(other)]);
    await fresh.close();
  });

  it('leaves a host that takes no more writes with every connection, and comes back when it does again', async () => {
    await one.kill();
    assert.deepEqual(await ports(database), [portOf(other)]);
    const administrator = openDatabase(other.url, { maxConnections: 1 });
    await administrator.query('ALTER SYSTEM SET default_transaction_read_only = on');
    await administrator.query('SELECT pg_reload_conf()');
    await assert.rejects(async () => {
      for (;;) await database.query('DELETE FROM rows_of_test WHERE n = 3');
    }, TransientError);
    await assert.rejects(database.query('SELECT 1'), /no host accepts writes/);
    await administrator.query('SET default_transaction_read_only = off');
    await administrator.query('ALTER SYSTEM RESET default_transaction_read_only');
    await administrator.query('SELECT pg_reload_conf()');
    await insert(database, 4);
    await administrator.close();
  });
});

describe('a former primary that comes back as standby', () => {
  it('is not read from', async () => {
    const one = await startPostgres();
    const other = await startStandby(one);
    const database = openDatabase(bothOf(one, other));
    try {
      assert.deepEqual(await ports(database), [portOf(one)]);
      await one.kill();
      const promoter = openDatabase(other.url);
      await promoter.query('SELECT pg_promote()');
      await promoter.close();
      beStandbyOf(one.data, other);
      await one.start();
      // The pool knows of nothing yet: its next connections lead to the host that answers as if nothing had been.
      assert.deepEqual(await ports(database).catch(() => ports(database)), [portOf(other)]);
    } finally {
      await database.close();
      await Promise.all([one.stop(), other.stop()]);
    }
  });
});
