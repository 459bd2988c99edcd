// A standby is promoted that lacks the last of what the primary had answered: it is told again what it lacks, and nothing else.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { writeFactsPosition } from '@causeway/shared/database/facts-position';
import { migrate } from '@causeway/shared/database/migrate';
import { type PostgresForTests, startPostgres, startStandby } from '../../../test-e2e/src/postgres-for-tests.ts';
import { until } from '../../../test-e2e/src/wait-for-fact.ts';
import { accountForTests, connectForTests, live, log } from './account-for-tests.ts';
import { catchUp } from './catch-up.ts';

let primary: PostgresForTests;
let standby: PostgresForTests;
let nats: NatsServer;
let database: Database;
let onStandby: Database;
let bus: Bus;
let consumption: Consumption;

before(async () => {
  [primary, nats] = await Promise.all([startPostgres(), startNatsServer()]);
  standby = await startStandby(primary);
  database = openDatabase(primary.url.replace(hostOf(primary), `${hostOf(primary)},${hostOf(standby)}`));
  onStandby = openDatabase(standby.url);
  await migrate(database);
  bus = await connectForTests(nats);
  consumption = await accountForTests(bus, database);
});
after(async () => {
  await consumption?.stop();
  await bus?.close();
  await Promise.all([database?.close(), onStandby?.close()]);
  await Promise.all([primary?.stop(), standby?.stop(), nats?.stop()]);
});

const hostOf = ({ url }: PostgresForTests): string => new URL(url).host;

const confirmedOn = async (target: Database): Promise<number> =>
  (await target.query<{ count: number }>(`SELECT count(*) FROM deliveries WHERE state = 'confirmed'`))[0]!.count;

describe('a standby that is promoted', () => {
  test('and lacks the last facts is told them again, and after that nothing', async () => {
    await live(bus, 1, 20);
    const { noted } = await catchUp({ bus, database, log }, undefined);
    await until('the standby has the first ones', async () => (await confirmedOn(onStandby)) === 20);
    await onStandby.query("ALTER SYSTEM SET primary_conninfo = ''");
    await onStandby.query('SELECT pg_reload_conf()');
    await until('the standby follows nobody', async () => (await onStandby.query('SELECT pid FROM pg_stat_wal_receiver')).length === 0);
    await live(bus, 2, 10);
    await primary.kill();
    await onStandby.query('SELECT pg_promote()');
    assert.equal(await confirmedOn(onStandby), 20);
    await until('the database is found again', () =>
      database.probe().then(
        () => true,
        () => false,
      ),
    );
    await assert.rejects(writeFactsPosition(database, noted!), /was promoted meanwhile/);
    const again = await catchUp({ bus, database, log }, noted);
    assert.equal(again.told, 30);
    assert.equal(await confirmedOn(database), 30);
    assert.equal((await catchUp({ bus, database, log }, again.noted)).told, 0);
  });
});
