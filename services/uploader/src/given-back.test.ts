// What is remembered of messages that were given back unsent.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dueOf, memoryStore, newDelivery } from './deliveries-for-tests.ts';
import { GivenBack } from './given-back.ts';

const store = memoryStore();
const newDue = () => dueOf(newDelivery(store));

describe('messages given back', () => {
  it('are unsent while every hand-out so far was given back here, and not once one is unknown', () => {
    const givenBack = new GivenBack();
    const event = newDue();
    assert.ok(givenBack.isUnsent({ event, deliveryCount: 1 }));
    assert.ok(!givenBack.isUnsent({ event, deliveryCount: 2 }));
    for (const deliveryCount of [1, 2]) givenBack.note({ event, deliveryCount });
    assert.ok(givenBack.isUnsent({ event, deliveryCount: 3 }));
    // The third was somebody else's.
    givenBack.note({ event, deliveryCount: 4 });
    assert.ok(!givenBack.isUnsent({ event, deliveryCount: 5 }));
    assert.ok(!givenBack.isUnsent({ event: { ...event, generation: 1 }, deliveryCount: 2 }));
  });

  it('are forgotten, the oldest first, beyond a number', () => {
    const givenBack = new GivenBack(2);
    const events = [newDue(), newDue(), newDue()];
    for (const event of events) givenBack.note({ event, deliveryCount: 1 });
    assert.deepEqual(
      events.map((event) => givenBack.isUnsent({ event, deliveryCount: 2 })),
      [false, true, true],
    );
  });
});
