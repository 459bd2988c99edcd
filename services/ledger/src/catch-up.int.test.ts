// A database restored empty or older is told again what it missed, by a real nats-server; one that missed nothing is told nothing.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { migrate } from '@causeway/shared/database/migrate';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { accountForTests, connectForTests, live, log } from './account-for-tests.ts';
import { type CaughtUp, catchUp } from './catch-up.ts';

const TABLES = ['studies', 'series', 'instances', 'deliveries', 'conflicts'];
let postgres: PostgresForTests;
let nats: NatsServer;
let database: Database;
let bus: Bus;
let consumption: Consumption;

before(async () => {
  [postgres, nats] = await Promise.all([startPostgres(), startNatsServer()]);
  database = openDatabase(postgres.url);
  await migrate(database);
  bus = await connectForTests(nats);
  consumption = await accountForTests(bus, database);
});
after(async () => {
  await consumption?.stop();
  await bus?.close();
  await database?.close();
  await Promise.all([postgres?.stop(), nats?.stop()]);
});

const everything = async (): Promise<unknown[]> =>
  Promise.all(TABLES.map((table) => database.query(`SELECT to_jsonb(t) AS row FROM ${table} AS t ORDER BY 1`)));
const empty = (): Promise<unknown> => database.query(`TRUNCATE ${TABLES.join(', ')}, facts_position`);
const round = (noted?: CaughtUp['noted']): Promise<CaughtUp> => catchUp({ bus, database, log }, noted);

describe('catching up', () => {
  test('an empty database has every row again, 1,200 facts in order', async () => {
    await live(bus, 1, 400);
    const before = await everything();
    await empty();
    assert.equal((await round()).told, 1_200);
    assert.deepEqual(await everything(), before);
  });

  test('a process that goes on with its database is told nothing, however much was written meanwhile', async () => {
    const { noted } = await round();
    await live(bus, 2, 20);
    assert.equal((await round(noted)).told, 0);
  });

  test('two processes that take turns are told nothing, whoever of them noted the place last', async () => {
    const [one, other] = [await round(), await round()];
    await live(bus, 6, 10);
    const later = await round(other.noted);
    await live(bus, 7, 10);
    assert.deepEqual([later.told, (await round(one.noted)).told, (await round(later.noted)).told], [0, 0, 0]);
  });

  test('a process that starts is told again what came since the last round, and nothing twice over', async () => {
    await round();
    await live(bus, 3, 10);
    assert.deepEqual([(await round()).told, (await round()).told], [30, 0]);
  });

  test('a database restored from an older copy has what came since, though the process knew more', async () => {
    const copy = await database.query<{ stream_made: string; sequence: number }>('SELECT * FROM facts_position');
    await live(bus, 4, 10);
    const { noted } = await round();
    const before = await everything();
    await database.query(`DELETE FROM deliveries WHERE study_key LIKE '%.4'`);
    await database.query(`DELETE FROM instances WHERE study_key LIKE '%.4'`);
    await database.query('UPDATE facts_position SET sequence = $1', [copy[0]!.sequence]);
    assert.equal((await round(noted)).told, 30);
    assert.deepEqual(await everything(), before);
  });

  test('a stream that was made anew counts from its own beginning', async () => {
    await round();
    await consumption.stop();
    await nats.kill();
    await nats.wipe();
    await nats.start();
    await again(() => bus.probe());
    consumption = await again(() => accountForTests(bus, database));
    await again(() => live(bus, 5, 2));
    const { noted } = await round();
    assert.ok(noted!.sequence >= 6);
    assert.equal((await round()).told, 0);
  });
});

/** JetStream makes its streams again, and then takes it. */
async function again<T>(attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
