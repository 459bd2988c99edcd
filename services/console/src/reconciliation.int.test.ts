// received = delivered, as API: what is told adds up to what was received, whatever happened to it.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { aDay } from '@causeway/shared/database/day-of-facts-for-tests';
import {
  actedFact,
  confirmedFact,
  failedFact,
  parkedFact,
  quarantinedFact,
  receivedFact,
  routedFact,
  SAMPLE_EPOCH_MS,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { markDeleted } from '@causeway/shared/database/retention-queries';
import type { Fact, Held } from '@causeway/shared/events/facts';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';

let page: TestConsole;
before(async () => {
  page = await startTestConsole({ services: {} });
});
after(() => page?.stop());
beforeEach(() => page.clear());

const know = (...facts: Fact[]): Promise<unknown> => applyFacts(page.database, facts);
const get = async (query: string) => (await page.request('GET', `/api/reconciliation${query}`)).json();
const held: Held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] };
const DAY = new Date(SAMPLE_EPOCH_MS).toISOString().slice(0, 10);
const OUTCOMES = ['delivered', 'open', 'held', 'failed', 'quarantined', 'discarded', 'undirected'];
type Counts = Record<string, number>;
const sum = (counts: Counts): number => OUTCOMES.reduce((total, outcome) => total + counts[outcome]!, 0);

/** One receipt of each outcome, and two that are delivered; by facility north, and one of them by none. */
async function oneOfEach(): Promise<void> {
  const [all, half, failed, parked, waiting, broken, gone, nowhere, moving, also] = Array.from({ length: 10 }, (_, n) =>
    sampleInstance(n, n),
  );
  const nobody = receivedFact(moving!, 1);
  await know(
    ...[
      routedFact(all!, 1, { to: ['cloud', 'pacs'] }),
      confirmedFact(sampleDelivery(all!, 'cloud'), 2),
      confirmedFact(sampleDelivery(all!, 'pacs'), 2),
    ],
    ...[routedFact(half!, 1, { to: ['cloud', 'pacs'] }), confirmedFact(sampleDelivery(half!, 'cloud'), 2)],
    ...[
      routedFact(failed!, 1, { to: ['cloud', 'pacs'] }),
      confirmedFact(sampleDelivery(failed!, 'cloud'), 2),
      failedFact(sampleDelivery(failed!, 'pacs'), 2),
    ],
    ...[routedFact(parked!, 1, { to: ['cloud'] }), parkedFact(sampleDelivery(parked!, 'cloud'), 2)],
    ...[routedFact(waiting!, 1, { to: ['cloud'], held }), confirmedFact(sampleDelivery(waiting!, 'cloud'), 2)],
    ...[quarantinedFact(broken!, 1), routedFact(nowhere!, 1, {}), { ...nobody, facility: undefined } as Fact],
    ...[routedFact(gone!, 1, { held }), actedFact('instance-discarded', gone!.receiptId, { seconds: 2, generation: 0 })],
    ...[
      routedFact(also!, 1, { to: ['cloud', 'pacs'] }),
      confirmedFact(sampleDelivery(also!, 'cloud'), 2),
      failedFact(sampleDelivery(also!, 'pacs'), 2),
    ],
    actedFact('delivery-discarded', sampleDelivery(also!, 'pacs').id, { seconds: 3, generation: 0 }),
  );
}

describe('GET /api/reconciliation', () => {
  test('tells of a day what was received and what became of each, and it adds up', async () => {
    await oneOfEach();
    const { days } = await get('');
    const { bytes, ...counts } = days[0];
    assert.deepEqual(counts, {
      day: DAY,
      facility: null,
      received: 10,
      delivered: 2,
      open: 3,
      held: 1,
      failed: 1,
      quarantined: 1,
      discarded: 1,
      undirected: 1,
    });
    assert.equal(bytes, 10 * 1000 + 45);
    assert.equal(sum(days[0]), 10);
  });

  test('tells of one day the facilities, and the studies of which not everything is delivered', async () => {
    await oneOfEach();
    const { totals, facilities, studies, next } = await get(`?day=${DAY}`);
    assert.equal(totals[0].received, 10);
    assert.deepEqual(
      facilities.map(({ facility, received, open }: { facility: string; received: number; open: number }) => [facility, received, open]),
      [
        [null, 1, 1],
        ['north', 9, 2],
      ],
    );
    assert.deepEqual([studies.length, next], [8, null]);
    for (const study of studies) assert.deepEqual([sum(study), study.delivered], [study.received, 0], study.studyKey);
    const north = await get(`?day=${DAY}&facility=north`);
    assert.deepEqual([north.totals[0].received, north.studies.length], [9, 7]);
    const first = await get(`?day=${DAY}&limit=5`);
    const rest = await get(`?day=${DAY}&limit=5&after=${first.next}`);
    assert.deepEqual([...first.studies, ...rest.studies], studies);
  });

  test('counts each receipt once, however often and in which order its facts came', async () => {
    const facts = aDay();
    const receipts = new Set(
      facts.flatMap((fact) => ('instance' in fact && fact.instance.objectKey.startsWith('received/') ? [fact.instance.receiptId] : [])),
    );
    await know(...facts.slice(20), ...facts.slice(0, 40));
    await know(...facts.toReversed());
    const { days } = await get('');
    assert.deepEqual([days[0].received, sum(days[0])], [receipts.size, receipts.size]);
  });

  test('an instance that is set in motion again is open again, and delivered when that is confirmed', async () => {
    const instance = sampleInstance(1, 1);
    const outcome = async (): Promise<string[]> => {
      const { days } = await get('');
      return OUTCOMES.filter((name) => days[0][name] > 0);
    };
    await know(routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2));
    assert.deepEqual(await outcome(), ['delivered']);
    await know(receivedFact(instance, 3, 1));
    assert.deepEqual(await outcome(), ['open']);
    await know(routedFact(instance, 4, { to: ['cloud'], generation: 1 }), confirmedFact(sampleDelivery(instance, 'cloud'), 5, 1));
    assert.deepEqual(await outcome(), ['delivered']);
  });

  test('refuses what is no day', async () => {
    assert.equal((await page.request('GET', '/api/reconciliation?day=yesterday')).statusCode, 400);
  });
});

describe('GET /api/deletions', () => {
  test('tells what was deleted of which day and facility, and why it was allowed', async () => {
    const instance = sampleInstance(1, 1);
    await know(routedFact(instance, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(instance, 'cloud'), 2));
    const doneBefore = new Date(SAMPLE_EPOCH_MS + 60_000);
    await markDeleted(page.database, [instance.receiptId], { cause: 'retention', doneBefore, waitedMs: 60_000 });
    const { deletions } = (await page.request('GET', '/api/deletions')).json();
    const { cause, day, facility, instances, confirmed, waitedSeconds } = deletions[0];
    assert.deepEqual(
      [deletions.length, cause, day, facility, instances, confirmed, waitedSeconds],
      [1, 'retention', DAY, 'north', 1, 1, 60],
    );
  });
});
