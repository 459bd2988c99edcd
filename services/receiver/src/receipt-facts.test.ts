// Facts of receipts: all of them leave, in order, whatever happens to one.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Bus } from '@causeway/shared/bus/bus';
import type { Fact } from '@causeway/shared/events/facts';
import type { InstanceReceived } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { createReceiptFacts } from './receipt-facts.ts';

const received = (receiptId: string): InstanceReceived =>
  ({ generation: 0, facility: 'main', instance: { receiptId } }) as InstanceReceived;

it('publishes every receipt that was added, and one that fails holds up no other and rejects nothing', async () => {
  const told: string[] = [];
  const publishFact = async (fact: Fact) => {
    const { receiptId } = (fact as { instance: { receiptId: string } }).instance;
    if (receiptId === 'b') throw new Error('not now');
    told.push(receiptId);
  };
  const facts = createReceiptFacts({ bus: { publishFact } as unknown as Bus, log: createLogger('test', 'silent') });
  for (const receiptId of ['a', 'b', 'c']) facts.add(received(receiptId));
  assert.deepEqual(told, []);
  await facts.flush();
  assert.deepEqual(told, ['a', 'c']);
});
