// What waits, as a scrape sees it, against a real PostgreSQL: by name up to a limit, the rest together, and nothing while the database is away.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import {
  confirmedFact,
  failedFact,
  routedFact,
  SAMPLE_EPOCH_MS,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { oldestByDestination, receiptsByFacility, workByDestination } from '@causeway/shared/database/work-by-name';
import { TransientError } from '@causeway/shared/errors';
import { scrape } from '@causeway/shared/metrics/scrape-for-tests';
import { startTestLedger, type TestLedger } from './ledger-for-tests.ts';
import { observeWork } from './work-metrics.ts';

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
  const [one, two, three, four] = [1, 2, 3, 4].map((number) => sampleInstance(1, number));
  await applyFacts(ledger.database, [
    routedFact(one!, 10, { to: ['cloud'] }),
    routedFact(two!, 20, { to: ['cloud', 'pacs'] }),
    failedFact(sampleDelivery(two!, 'pacs'), 25),
    routedFact(three!, 30, { to: ['last'] }),
    routedFact(four!, 40, { to: ['cloud'] }),
    confirmedFact(sampleDelivery(four!, 'cloud'), 50),
  ]);
});
after(() => ledger?.stop());

const DAY = new Date(SAMPLE_EPOCH_MS).toISOString().slice(0, 10);
const byName = <T extends object>(rows: T[]): unknown[] => rows.map((row) => Object.values(row)).sort();

it('counts by destination and state, the rest together, and no confirmed delivery', async () => {
  assert.deepEqual(byName(await workByDestination(ledger.database, 10)), [
    ['cloud', 'due', 2],
    ['last', 'due', 1],
    ['pacs', 'failed', 1],
  ]);
  assert.deepEqual(byName(await workByDestination(ledger.database, 1)), [
    ['_other', 'due', 1],
    ['_other', 'failed', 1],
    ['cloud', 'due', 2],
  ]);
});

it('tells the oldest of each destination that has something open, and of all', async () => {
  const ages = new Map((await oldestByDestination(ledger.database, 10)).map(({ destination, seconds }) => [destination, seconds]));
  assert.deepEqual([...ages.keys()].sort(), ['_all', 'cloud', 'last']);
  assert.equal(Math.round(ages.get('cloud')! - ages.get('last')!), 20);
  assert.equal(Math.round(ages.get('_all')! - ages.get('cloud')!), 0);
});

it('counts receipts of recent days by facility and outcome', async () => {
  const recent = (limit: number) => receiptsByFacility(ledger.database, { since: DAY, limit });
  const found = byName(await recent(10));
  assert.deepEqual(found, [
    ['_all', 'delivered', 1],
    ['_all', 'open', 3],
    ['north', 'delivered', 1],
    ['north', 'open', 3],
  ]);
  assert.deepEqual(await receiptsByFacility(ledger.database, { since: '2026-01-06', limit: 10 }), []);
  assert.ok((await recent(0)).some(({ facility }) => facility === '_other'));
});

it('is told to a scrape, and absent while PostgreSQL is away', async () => {
  const there = scrape();
  observeWork(there.meter, { database: ledger.database, now: () => new Date(SAMPLE_EPOCH_MS) });
  const text = await there.text();
  assert.match(text, /^causeway_ledger_deliveries\{destination="cloud",state="due"\} 2$/m);
  assert.match(text, /^causeway_ledger_oldest_delivery_age\{destination="_all"\} \d+/m);
  assert.match(text, /^causeway_ledger_receipts\{facility="north",outcome="delivered"\} 1$/m);
  assert.match(text, /^causeway_ledger_held_instances 0$/m);
  const away = scrape();
  const query = () => Promise.reject(new TransientError('PostgreSQL did not answer'));
  observeWork(away.meter, { database: { query }, now: () => new Date() });
  assert.doesNotMatch(await away.text(), /^causeway_ledger_/m);
});
