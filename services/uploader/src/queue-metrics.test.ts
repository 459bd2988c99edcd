// Sums of queued deliveries.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { queuedByLane } from './queue-metrics.ts';

it('sums the facilities of each destination and lane', () => {
  const counts = new Map([
    [
      'delivery.due.cloud',
      new Map([
        ['delivery.due.cloud.stat.a', 1],
        ['delivery.due.cloud.routine.a', 5],
        ['delivery.due.cloud.routine.b', 7],
      ]),
    ],
    ['delivery.due.pacs', new Map([['delivery.due.pacs.routine.none', 2]])],
  ]);
  assert.deepEqual(queuedByLane(counts), [
    { destination: 'cloud', lane: 'stat', count: 1 },
    { destination: 'cloud', lane: 'routine', count: 12 },
    { destination: 'pacs', lane: 'routine', count: 2 },
  ]);
});
