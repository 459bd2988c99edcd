// Floods of associations make few records, and nothing of them is lost in the sums.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, it } from 'node:test';
import type { AssociationRecord } from '@causeway/shared/events/association-record';
import { RecordAggregator } from './record-aggregator.ts';

const record = (more: Partial<AssociationRecord> = {}): AssociationRecord => ({
  id: randomUUID(),
  outcome: 'released',
  detail: 'released by the peer',
  count: 1,
  startedAt: '2026-01-05T10:00:00.000Z',
  endedAt: '2026-01-05T10:00:01.000Z',
  source: '10.1.0.7',
  callingAe: 'CT1',
  contexts: [],
  instances: 0,
  dataSetBytes: 0,
  responses: { 'C-ECHO 0000': 1 },
  ...more,
});
const busy = (more: Partial<AssociationRecord> = {}) =>
  record({ instances: 2, dataSetBytes: 10, responses: { 'C-STORE 0000': 2 }, ...more });

function aggregator(more: { maxKinds?: number } = {}) {
  const told: AssociationRecord[] = [];
  const made = new RecordAggregator({
    tell: (one) => told.push(one),
    windowMs: 1_000,
    individually: { busy: 3, idle: 1 },
    maxKinds: 10,
    ...more,
  });
  return { made, told };
}

describe('records of associations', () => {
  it('of a health check are told once, then as one for each window', () => {
    const { made, told } = aggregator();
    for (let at = 0; at < 300; at += 1) made.add(record(), at);
    assert.deepEqual(
      told.map(({ count }) => count),
      [1],
    );
    made.look(999);
    assert.equal(told.length, 1);
    made.look(1_000);
    assert.deepEqual(
      told.map(({ count, responses }) => [count, responses['C-ECHO 0000']]),
      [
        [1, 1],
        [299, 299],
      ],
    );
    made.add(record(), 1_001);
    assert.equal(told.length, 3);
    made.look(3_000);
    assert.equal(told.length, 3);
  });

  it('that stored something are told one by one up to a number, and every instance and byte is in the sum of the rest', () => {
    const { made, told } = aggregator();
    for (let n = 0; n < 10; n += 1) made.add(busy({ endedAt: `2026-01-05T10:00:${10 + n}.000Z` }), n);
    made.flush();
    assert.deepEqual(
      told.map(({ count }) => count),
      [1, 1, 1, 7],
    );
    assert.equal(
      told.reduce((sum, { instances }) => sum + instances, 0),
      20,
    );
    const { startedAt, endedAt, dataSetBytes, responses } = told[3]!;
    assert.deepEqual(
      [startedAt, endedAt, dataSetBytes, responses['C-STORE 0000']],
      ['2026-01-05T10:00:00.000Z', '2026-01-05T10:00:19.000Z', 70, 14],
    );
  });

  it('of different peers, titles, outcomes and reasons are told apart; an echo does not use up what images have', () => {
    const { made, told } = aggregator();
    const reject = { result: 1, source: 1, reason: 7 };
    const kinds = [
      record(),
      busy(),
      record({ source: '10.1.0.8' }),
      record({ callingAe: 'CT2' }),
      record({ outcome: 'timed-out' }),
      record({ outcome: 'rejected', reject }),
      record({ outcome: 'rejected', reject: { ...reject, reason: 3 } }),
    ];
    for (const kind of kinds) made.add(kind, 0);
    assert.equal(told.length, kinds.length);
  });

  it('of more kinds than can be told apart are counted by outcome, without the names', () => {
    const { made, told } = aggregator({ maxKinds: 5 });
    for (let n = 0; n < 1_000; n += 1) made.add(record({ source: `10.1.${n >> 8}.${n & 255}`, outcome: 'no-association' }), 0);
    assert.equal(told.length, 5);
    made.flush();
    assert.deepEqual(
      told.slice(5).map(({ source, callingAe, count }) => [source, callingAe, count]),
      [['various', undefined, 995]],
    );
  });

  it('have as many kinds of answers as their schema takes, however many a peer provokes', () => {
    const { made, told } = aggregator();
    for (let n = 0; n < 200; n += 1) made.add(record({ responses: { [`command ${n} 0211`]: 1 } }), 0);
    made.flush();
    assert.ok(Object.keys(told.at(-1)!.responses).length <= 65);
    assert.equal(
      Object.values(told.at(-1)!.responses).reduce((sum, count) => sum + count, 0),
      197,
    );
  });
});
