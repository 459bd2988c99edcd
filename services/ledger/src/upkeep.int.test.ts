// Upkeep as the ledger starts it, on a real PostgreSQL and real objects.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { metrics, objectOf, startTestLedger, type TestLedger, testDocument } from './ledger-for-tests.ts';
import { dayPrefixes } from './received-objects.ts';
import { keepUp } from './upkeep.ts';

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());

const configuration = (known: boolean): GatewayConfiguration => ({
  current: () => (known ? { revision: 1, document: testDocument() } : undefined),
  onChange: () => {},
  stop: () => {},
});
const timing = { graceMs: 600_000, everyMs: 300_000 };
const counting = { ...metrics, written: () => {}, leftBehind: () => {}, conflicting: () => {} };

describe('upkeep', () => {
  test('at its start an old object that nobody knows is set in motion, a young one is not; stop waits for the round', async () => {
    const [old, young] = [1, 2].map((n) => objectOf(sampleInstance(1, n)));
    await ledger.putObject(old!.instance.objectKey, old!.bytes, new Date(Date.now() - 3_600_000));
    await ledger.putObject(young!.instance.objectKey, young!.bytes);
    const parts = ledger.parts();
    await keepUp({ ...parts, metrics: counting, configuration: configuration(true), timing }).stop();
    const receipts = parts.bus.published.map(({ event }) => (event.instance as { receiptId: string }).receiptId);
    assert.deepEqual(receipts, [old!.instance.receiptId]);
  });

  test('without a gateway document nothing is judged: facility and retention are not known', async () => {
    const parts = ledger.parts();
    await keepUp({ ...parts, metrics: counting, configuration: configuration(false), timing }).stop();
    assert.deepEqual(parts.bus.published, []);
  });

  test('the days since an instant are named by prefix, over the end of a month', () => {
    assert.deepEqual(dayPrefixes('received/', new Date('2026-02-28T23:50:00Z'), new Date('2026-03-01T00:10:00Z')), [
      'received/2026/02/28/',
      'received/2026/03/01/',
    ]);
  });
});
