// Which associations are told as closed, and how many in one fact.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, it, mock } from 'node:test';
import type { AssociationRecord } from '@causeway/shared/events/association-record';
import { ClosedAssociations } from './closed-associations.ts';

const ended = (more: Partial<AssociationRecord> = {}): AssociationRecord => ({
  ...{ id: randomUUID(), outcome: 'released', detail: '', count: 1, source: '10.1.0.7', contexts: [], responses: {} },
  ...{ startedAt: '2026-01-05T10:00:00.000Z', endedAt: '2026-01-05T10:01:00.000Z', instances: 1, dataSetBytes: 100 },
  ...more,
});

describe('closed associations', () => {
  beforeEach(() => mock.timers.reset());

  it('are told together, soon', () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const told: unknown[] = [];
    const closed = new ClosedAssociations((associations) => told.push(associations));
    const [a, b] = [ended(), ended({ outcome: 'connection-lost' })];
    closed.add(a);
    closed.add(b);
    assert.deepEqual(told, []);
    mock.timers.tick(500);
    const endedAt = '2026-01-05T10:01:00.000Z';
    assert.deepEqual(told, [
      [
        { id: a.id, outcome: 'released', endedAt },
        { id: b.id, outcome: 'connection-lost', endedAt },
      ],
    ]);
    mock.timers.tick(5_000);
    assert.equal(told.length, 1);
  });

  it('that brought nothing are not told; one that broke off within its first data set is', () => {
    const told: unknown[][] = [];
    const closed = new ClosedAssociations((associations) => told.push(associations));
    closed.add(ended({ instances: 0, dataSetBytes: 0 }));
    closed.flush();
    assert.equal(told.length, 0);
    closed.add(ended({ instances: 0, dataSetBytes: 5 }));
    closed.flush();
    assert.equal(told[0]?.length, 1);
  });

  it('are never more in one fact than it may hold', () => {
    const told: unknown[][] = [];
    const closed = new ClosedAssociations((associations) => told.push(associations));
    for (let n = 0; n < 1_250; n += 1) closed.add(ended());
    closed.flush();
    assert.deepEqual(
      told.map(({ length }) => length),
      [500, 500, 250],
    );
  });
});
