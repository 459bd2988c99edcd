// The room of a destination in memory, divided.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { allotInHand } from './in-hand.ts';

const destination = (more: object) =>
  parseGatewayDocument({ destinations: [{ id: 'cloud', kind: 'stow', url: 'http://127.0.0.1/', ...more }] }).destinations[0]!;
const pacs = parseGatewayDocument({
  destinations: [{ id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'PACS', concurrency: 2 }],
}).destinations[0]!;
const fill = (count: number, weight = 1): number[] => Array.from({ length: count }, () => weight);

describe('allotInHand', () => {
  it('lets a queue that is alone have two batches for each request', () => {
    assert.deepEqual(allotInHand(destination({ concurrency: 2, batch: { instances: 10 } }), [1]), [40]);
    assert.deepEqual(allotInHand(destination({ concurrency: 256 }), [7]), [1_000]);
    assert.deepEqual(allotInHand(pacs, [1]), [64]);
    assert.deepEqual(allotInHand(destination({ concurrency: 1, batch: { instances: 1 } }), [1]), [8]);
  });

  it('divides the room by weight when many have work, and leaves each the least', () => {
    assert.deepEqual(allotInHand(destination({ concurrency: 20 }), [3, 1]), [1_000, 500]);
    assert.deepEqual(allotInHand(destination({ concurrency: 20 }), [1000, 1]), [1_000, 8]);
    assert.deepEqual(new Set(allotInHand(destination({ concurrency: 20 }), fill(40))), new Set([50]));
    assert.deepEqual(new Set(allotInHand(destination({ concurrency: 20 }), fill(3_000))), new Set([8]));
  });

  it('leaves each at least twice its share of what may be under way, as long as the room lasts', () => {
    for (const weights of [
      [3, 1],
      [1, 1, 1, 1],
      [10, 5, 1],
    ]) {
      const settings = destination({ concurrency: 8, batch: { instances: 50 } });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [place, limit] of allotInHand(settings, weights).entries())
        assert.ok(limit >= Math.min(800, (2 * 400 * weights[place]!) / total), `${weights}: ${limit}`);
    }
  });

  it('has room for nothing when nothing has work', () => {
    assert.deepEqual(allotInHand(pacs, []), []);
  });
});
