// Deliveries that no queue has room for: told as parked after the decision that calls them due, while the others go out.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { type Fact, fact } from '@causeway/shared/events/facts';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { readyInstance } from './ready-instance-for-tests.ts';
import { type RouteParts, route } from './route.ts';

const document = parseGatewayDocument({
  facilities: [{ id: 'main', match: [{}], destinations: ['dead', 'alive'] }],
  destinations: ['dead', 'alive'].map((id) => ({ id, kind: 'stow', url: `http://${id}/` })),
});

/** The queue of `dead` is full. */
function rig(failAt?: Fact['type']) {
  const order: string[] = [];
  const facts: Fact[] = [];
  const counted: number[] = [];
  const parts: RouteParts = {
    bus: {
      publishFact: async (told) => {
        if (told.type === failAt) throw new Error('killed here');
        facts.push(fact.parse(JSON.parse(JSON.stringify(told))));
        order.push(told.type);
      },
    },
    queues: {
      publish: async ({ delivery }) => {
        order.push(`due ${delivery.destination}`);
        return delivery.destination === 'dead' ? 'destination-queue' : undefined;
      },
    },
    store: {} as ObjectStore,
    revision: () => ({ revision: 7, document }),
    studies: { find: async () => [], remember: async () => {} },
    count: (_decision, parked) => void counted.push(parked.length),
  };
  return { parts, order, facts, counted };
}

describe('parking', () => {
  it('a delivery without room is told as parked, after the decision; the other one is published', async () => {
    const { parts, order, facts, counted } = rig();
    await route(parts, { event: readyInstance({}, { generation: 2 }) });
    assert.deepEqual(order, ['due dead', 'due alive', 'ledger.instance.routed', 'ledger.delivery.parked']);
    const [routed, parked] = facts;
    assert.ok(routed?.type === 'ledger.instance.routed' && parked?.type === 'ledger.delivery.parked');
    assert.deepEqual(
      routed.deliveries.map(({ destination }) => destination),
      ['dead', 'alive'],
    );
    assert.deepEqual([parked.delivery.destination, parked.reason, parked.generation], ['dead', 'destination-queue', 2]);
    assert.ok(Date.parse(parked.occurredAt) >= Date.parse(routed.occurredAt));
    assert.deepEqual(counted, [1]);
  });
  it('is not acknowledged before it is told: what ends in between comes back whole', async () => {
    const { parts, counted } = rig('ledger.delivery.parked');
    await assert.rejects(route(parts, { event: readyInstance() }), /killed here/);
    assert.deepEqual(counted, []);
  });
});
