// The ledger on a real nats-server and a real PostgreSQL that is killed in the middle.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import {
  confirmedFact,
  readyFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { migrate } from '@causeway/shared/database/migrate';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import { createLogger } from '@causeway/shared/logger';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { account } from './account.ts';

const log = createLogger('ledger', 'silent');
let postgres: PostgresForTests;
let nats: NatsServer;
let database: Database;
let bus: Bus;
let consumption: Consumption;
const left: number[] = [];
const metrics = { written: () => {}, leftBehind: () => void left.push(1), conflicting: () => {} };

before(async () => {
  [postgres, nats] = await Promise.all([startPostgres(), startNatsServer()]);
  database = openDatabase(postgres.url);
  await migrate(database);
  bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 256 * 1024 ** 2 }, log });
  consumption = await account({ bus, database, log, metrics });
});
after(async () => {
  await consumption?.stop();
  await bus?.close();
  await database?.close();
  await Promise.all([postgres?.stop(), nats?.stop()]);
});

/** Four facts an instance: received, ready, routed to one destination, confirmed. */
async function publishLives(study: number, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const instance = sampleInstance(study, n);
    const delivery = sampleDelivery(instance, 'cloud');
    const facts = [
      receivedFact(instance, n),
      readyFact(instance, n),
      routedFact(instance, n, { to: ['cloud'] }),
      confirmedFact(delivery, n),
    ];
    await Promise.all(facts.map((fact) => bus.publishFact(fact)));
  }
}

const confirmedOf = async (study: number): Promise<number> => {
  const sql = `SELECT count(*) AS n FROM deliveries WHERE state = 'confirmed' AND study_key = $1`;
  return (await database.query<{ n: number }>(sql, [sampleInstance(study, 0).studyInstanceUid]))[0]!.n;
};

async function everythingWritten(): Promise<void> {
  while ((await bus.unacknowledged('FACTS', LEDGER_CONSUMER)) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('account', () => {
  test('PostgreSQL killed in the middle of 1,200 facts costs none of them, and the ledger goes on by itself', {
    timeout: 60_000,
  }, async () => {
    await publishLives(1, 100);
    await everythingWritten();
    await postgres.kill();
    await publishLives(2, 100);
    await postgres.start();
    await publishLives(3, 100);
    await everythingWritten();
    assert.deepEqual(await Promise.all([1, 2, 3].map(confirmedOf)), [100, 100, 100]);
    assert.equal(left.length, 0);
  });

  test('a fact that cannot be stored is left behind and blocks nothing', { timeout: 30_000 }, async () => {
    const poison = { ...sampleInstance(4, 0), size: Number.MAX_SAFE_INTEGER };
    // Within the schema, but beyond what an integer column takes.
    await bus.publishFact({ ...receivedFact(poison, 1), generation: 3_000_000_000 });
    await publishLives(5, 20);
    await everythingWritten();
    assert.equal(await confirmedOf(5), 20);
    assert.equal(left.length, 1);
  });

  test('rows deleted by mistake come back when the facts are read from the start', { timeout: 30_000 }, async () => {
    const rows = () => database.query('SELECT * FROM deliveries WHERE study_key <> $1 ORDER BY id', ['x']);
    const before = await rows();
    await consumption.stop();
    await database.query('TRUNCATE studies, series, instances, deliveries');
    const again = await account({ bus: renamed(bus, 'ledger-again'), database, log, metrics });
    while ((await bus.unacknowledged('FACTS', 'ledger-again')) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    await again.stop();
    assert.deepEqual(await rows(), before);
  });
});

/** A consumer of another name reads FACTS from the start. */
const renamed = (real: Bus, name: string): Bus => ({ ...real, consume: (plan, handler) => real.consume({ ...plan, name }, handler) });
