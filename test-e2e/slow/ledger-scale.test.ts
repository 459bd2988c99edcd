// A ledger of years: the questions of page, API and upkeep cost no more with ten times the instances, read no large table as a whole, and facts are written as fast as into an empty one.
// CAUSEWAY_INSTANCES sets how many (10,000,000 are some 30 GB and half an hour).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ReceiptId, receivedKey, uuidV7 } from '@causeway/shared/brands';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import {
  confirmedFact,
  readyFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { findDifferingCounts, sampleStudies } from '@causeway/shared/database/kept-counts';
import { migrate } from '@causeway/shared/database/migrate';
import { applyFacts } from '@causeway/shared/database/project-facts';
import type { Fact } from '@causeway/shared/events/facts';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import { createLogger } from '@causeway/shared/logger';
import { account } from '../../services/ledger/src/account.ts';
import { generateStudies, STUDY_INSTANCES, studyUid } from '../src/generated-ledger.ts';
import { type Asked, PAGE_QUESTIONS, type Question, UPKEEP_QUESTIONS } from '../src/page-questions.ts';
import { type PostgresForTests, startPostgres } from '../src/postgres-for-tests.ts';
import { type Cost, costOf } from '../src/query-plans.ts';

const INSTANCES = Number(process.env.CAUSEWAY_INSTANCES ?? 100_000);
const STUDIES = Math.ceil(INSTANCES / STUDY_INSTANCES);
const ROUNDS = Number(process.env.CAUSEWAY_ROUNDS ?? 20);
/** As the supervisor of one machine starts it. */
const SETTINGS = ['shared_buffers=64MB', 'max_wal_size=512MB'];
const HOUR_MS = 3_600_000;
const until = new Date();
const QUESTIONS = Object.entries({ ...PAGE_QUESTIONS, ...UPKEEP_QUESTIONS });

let postgres: PostgresForTests;
let database: Database;
before(async () => {
  postgres = await startPostgres(SETTINGS);
  database = openDatabase(postgres.url, { statementTimeoutMs: 3 * HOUR_MS });
  await migrate(database);
});
after(async () => {
  await database?.close();
  await postgres?.stop();
});

/** The same studies in every round, spread over all that there are. */
const askedAbout = (studies: number, round: number): Omit<Asked, 'target'> => ({ study: (6 + round * 7_919) % studies, until });

async function costs(studies: number): Promise<Map<string, Cost>> {
  const found = new Map<string, Cost>();
  for (const [name, ask] of QUESTIONS) found.set(name, await costOf(database, (target) => ask({ target, ...askedAbout(studies, 3) })));
  return found;
}

/** Milliseconds below which 95 of 100 answers came. */
async function p95(ask: Question, studies: number): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now();
    await ask({ target: database, ...askedAbout(studies, round) });
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[Math.ceil(ROUNDS * 0.95) - 1]!;
}

/** Facts of the life of new instances, in the order in which services tell them: five for each. */
function lifeOf(count: number, from: number): Fact[] {
  const stages: Fact[][] = Array.from({ length: Math.ceil(count / 50) * 4 }, () => []);
  for (let n = 0; n < count; n += 1) {
    const receiptId = uuidV7(Date.now()) as ReceiptId;
    const made = {
      ...sampleInstance(1_000_000 + from + Math.floor(n / STUDY_INSTANCES), n),
      receiptId,
      objectKey: receivedKey(receiptId),
      receivedAt: new Date().toISOString(),
    };
    const at = Math.floor(n / 50) * 4;
    stages[at]!.push(receivedFact(made, n));
    stages[at + 1]!.push(readyFact(made, n));
    stages[at + 2]!.push(routedFact(made, n, { to: ['cloud', 'pacs'] }));
    stages[at + 3]!.push(confirmedFact(sampleDelivery(made, 'cloud'), n), confirmedFact(sampleDelivery(made, 'pacs'), n));
  }
  return stages.flat();
}

async function factsPerSecond(facts: Fact[]): Promise<number> {
  const began = performance.now();
  for (let at = 0; at < facts.length; at += 500) await applyFacts(database, facts.slice(at, at + 500));
  return facts.length / ((performance.now() - began) / 1_000);
}

/** Through nats-server and the ledger's own consumption, from the first fact given out to the last one acknowledged. */
async function factsPerSecondThroughService(facts: Fact[]): Promise<number> {
  const nats = await startNatsServer();
  const log = createLogger('test', 'silent');
  const bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 1024 ** 3 }, log });
  await Promise.all(facts.map((fact) => bus.publishFact(fact)));
  const began = performance.now();
  const consumption = await account({ bus, database, log, metrics: { written: () => {}, leftBehind: () => {}, conflicting: () => {} } });
  while ((await bus.unacknowledged('FACTS', LEDGER_CONSUMER)) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  const rate = facts.length / ((performance.now() - began) / 1_000);
  await consumption.stop();
  await bus.close();
  await nats.stop();
  return rate;
}

const RATE_INSTANCES = 2_000;
const rates = { empty: 0, full: 0 };

test(`of ${STUDIES * STUDY_INSTANCES} instances every question is answered from indexes, at a cost that does not grow with them`, async (t) => {
  await factsPerSecond(lifeOf(RATE_INSTANCES, 0));
  rates.empty = await factsPerSecond(lifeOf(RATE_INSTANCES, 10));
  const tenth = Math.ceil(STUDIES / 10);
  await generateStudies(database, { from: 0, to: tenth, until });
  const atATenth = await costs(tenth);
  await generateStudies(database, { from: tenth, to: STUDIES, until });
  const now = await costs(STUDIES);
  for (const [name, ask] of QUESTIONS) {
    const { pages, wholeTables } = now.get(name)!;
    const slow = await p95(ask, STUDIES);
    t.diagnostic(
      `${slow.toFixed(1).padStart(7)} ms p95, ${String(pages).padStart(6)} pages (${atATenth.get(name)!.pages} at a tenth): ${name}`,
    );
    assert.deepEqual([...wholeTables], [], `${name} reads whole tables`);
    // Indexes become deeper, a list of 500 studies may be shorter at a tenth, and small partitions are read as a whole; at the promised size one has 80,000 pages.
    assert.ok(pages <= 3 * atATenth.get(name)!.pages + 20_000, `${name}: ${pages} pages, ${atATenth.get(name)!.pages} at a tenth`);
  }
});

test('facts are written at a rate that does not fall with the ledger, by the service as by itself', async (t) => {
  rates.full = await factsPerSecond(lifeOf(RATE_INSTANCES, 20));
  const service = await factsPerSecondThroughService(lifeOf(RATE_INSTANCES, 30));
  t.diagnostic(
    `${rates.empty.toFixed(0)} facts/s into an empty ledger, ${rates.full.toFixed(0)} into the full one, ${service.toFixed(0)} through JetStream and the service`,
  );
  assert.ok(rates.full > rates.empty / 3, 'falls with the ledger');
  assert.ok(service > rates.full / 4, 'the service is far slower than its database');
});

test('counts of the studies that were written stay those of their rows', async () => {
  const keys = await sampleStudies(database, { most: 30, from: studyUid(STUDIES >> 1) });
  assert.ok(keys.length >= 30);
  assert.deepEqual(await findDifferingCounts(database, keys), []);
});

test('its size is told', async (t) => {
  const [size] = await database.query<{ bytes: number; rows: number }>(
    `SELECT pg_database_size(current_database())::float8 AS bytes, (SELECT sum(receipts) FROM study_counts)::float8 AS rows`,
  );
  assert.ok(size!.rows >= STUDIES * STUDY_INSTANCES);
  t.diagnostic(`${(((size!.bytes / size!.rows) * 1e6) / 1e9).toFixed(2)} GB for a million instances with two deliveries each`);
});
