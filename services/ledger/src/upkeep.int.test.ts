// Upkeep as the ledger starts it, on a real PostgreSQL and real objects.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import type { GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { confirmedFact, receivedFact, routedFact, sampleDelivery, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { TransientError } from '@causeway/shared/errors';
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
const clock = { distrust: (): string | undefined => undefined };
const rowsKeptMs = 730 * 86_400_000;
const counting = { ...metrics, written: () => {}, leftBehind: () => {}, conflicting: () => {} };

describe('upkeep', () => {
  test('at its start an old object that nobody knows is set in motion, a young one is not; stop waits for the round', async () => {
    const [old, young] = [1, 2].map((n) => objectOf(sampleInstance(1, n)));
    await ledger.putObject(old!.instance.objectKey, old!.bytes, new Date(Date.now() - 3_600_000));
    await ledger.putObject(young!.instance.objectKey, young!.bytes);
    const parts = ledger.parts();
    await keepUp({ ...parts, metrics: counting, configuration: configuration(true), timing, clock, rowsKeptMs }).stop();
    const receipts = parts.bus.published.map(({ event }) => (event.instance as { receiptId: string }).receiptId);
    assert.deepEqual(receipts, [old!.instance.receiptId]);
  });

  test('tells that the database knows every fact once that is made sure of, and not when it was stopped before', async () => {
    await ledger.clear();
    const parts = { ...ledger.parts(), metrics: counting, configuration: configuration(true), timing, clock, rowsKeptMs };
    const asked = Promise.withResolvers<void>();
    const unreachable: typeof parts.bus = Object.create(parts.bus);
    unreachable.position = async () => {
      asked.resolve();
      throw new TransientError('JetStream is away');
    };
    const waiting = keepUp({ ...parts, bus: unreachable });
    await asked.promise;
    await waiting.stop();
    assert.equal(await waiting.caughtUpOnce, false);
    const knowing = keepUp(parts);
    assert.equal(await knowing.caughtUpOnce, true);
    await knowing.stop();
  });

  test('with a clock that cannot be trusted nothing is deleted, and work is set in motion all the same', async () => {
    await ledger.clear();
    const delivered = sampleInstance(1, 3);
    await applyFacts(ledger.database, [routedFact(delivered, 1, { to: ['cloud'] }), confirmedFact(sampleDelivery(delivered, 'cloud'), 2)]);
    await ledger.putObject(delivered.objectKey, Buffer.from('object'), new Date(Date.now() - 3_600_000));
    const lost = objectOf(sampleInstance(1, 4));
    await ledger.putObject(lost.instance.objectKey, lost.bytes, new Date(Date.now() - 3_600_000));
    const jumped: boolean[] = [];
    const parts = { ...ledger.parts(), configuration: configuration(true), timing, rowsKeptMs };
    const told = { ...counting, clockDistrusted: (is: boolean) => void jumped.push(is) };
    await keepUp({ ...parts, metrics: told, clock: { distrust: () => 'the clock has jumped 1 s ago' } }).stop();
    assert.equal(parts.bus.published.length, 1);
    assert.ok((await ledger.store.stat(delivered.objectKey)) !== undefined);
    await keepUp({ ...parts, metrics: told, clock }).stop();
    assert.equal(await ledger.store.stat(delivered.objectKey), undefined);
    assert.deepEqual(jumped, [true, false]);
  });

  test('with a clock that cannot be trusted no record is old: a storage commitment request that nobody knows is taken up, not deleted', async () => {
    await ledger.clear();
    const id = uuidV7();
    const association = { id: randomUUID(), replica: randomUUID() };
    const requestedAt = new Date().toISOString();
    const about = { id, transactionUid: '1.2.9', callingAe: 'CT1', calledAe: 'GATEWAY', source: '10.1.0.7', requestedAt, association };
    const request = { commitment: about, sopClassUids: ['1.2'], unsupported: [], references: [[0, '1.2.3']] };
    const key = commitmentKey(id, 'request');
    await ledger.putObject(key, Buffer.from(JSON.stringify(request)), new Date(Date.now() - 90 * 86_400_000));
    const parts = { ...ledger.parts(), configuration: configuration(true), timing, rowsKeptMs, metrics: counting };
    await keepUp({ ...parts, clock: { distrust: () => 'the clock has jumped 1 s ago' } }).stop();
    assert.deepEqual(
      parts.bus.published.map(({ to }) => to.subject),
      ['commitment.due'],
    );
    assert.ok((await ledger.store.stat(key)) !== undefined);
    await keepUp({ ...parts, clock }).stop();
    assert.equal(await ledger.store.stat(key), undefined);
  });

  test('counts that differ from the rows are told', async () => {
    await ledger.clear();
    await applyFacts(ledger.database, [receivedFact(sampleInstance(1, 5), 1)]);
    const miscounted: number[] = [];
    const parts = { ...ledger.parts(), configuration: configuration(true), timing, clock, rowsKeptMs };
    const told = { ...counting, miscounted: (tables: number) => void miscounted.push(tables) };
    await keepUp({ ...parts, metrics: told }).stop();
    await ledger.database.query('UPDATE study_counts SET bytes = bytes + 1');
    await keepUp({ ...parts, metrics: told }).stop();
    await ledger.database.query('SELECT recount_ledger()');
    await keepUp({ ...parts, metrics: told }).stop();
    assert.deepEqual(miscounted, [0, 1, 0]);
  });

  test('without a gateway document nothing is judged: facility and retention are not known', async () => {
    const parts = ledger.parts();
    await keepUp({ ...parts, metrics: counting, configuration: configuration(false), timing, clock, rowsKeptMs }).stop();
    assert.deepEqual(parts.bus.published, []);
  });

  test('the days since an instant are named by prefix, over the end of a month', () => {
    assert.deepEqual(dayPrefixes('received/', new Date('2026-02-28T23:50:00Z'), new Date('2026-03-01T00:10:00Z')), [
      'received/2026/02/28/',
      'received/2026/03/01/',
    ]);
  });
});
