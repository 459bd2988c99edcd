// When an instance may be called safe: the table of what storage commitment promises.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ObjectKey } from '@causeway/shared/brands';
import type { KeptReceipt } from '@causeway/shared/database/safekeeping';
import { judgeReference } from './judge-reference.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const receipt = (more: Partial<KeptReceipt> = {}): KeptReceipt => ({
  sopInstanceUid: '1.2.3',
  sopClassUid: CT,
  digest: 'a',
  objectKey: 'received/2026/01/05/1.dcm' as ObjectKey,
  size: 1_000,
  state: 'routed',
  callingAe: 'CT1',
  objectDeleted: false,
  routed: true,
  deliveries: 2,
  confirmed: 1,
  givenUp: 0,
  ...more,
});
const delivered = (more: Partial<KeptReceipt> = {}) => receipt({ confirmed: 2, ...more });

const judge = (after: 'custody' | 'delivered', receipts: KeptReceipt[], isThere = true) =>
  judgeReference(receipts, { after, callingAe: 'CT1', sopClassUid: CT, isThere: async () => isThere });

describe('a reference of a storage commitment request', () => {
  it('is unknown without a receipt, and conflicts when every receipt is of another class', async () => {
    assert.equal(await judge('custody', []), 'unknown');
    assert.equal(await judge('custody', [receipt({ sopClassUid: '1.2' })]), 0x0119);
    assert.equal(await judge('custody', [receipt({ sopClassUid: '1.2' }), receipt()]), 'safe');
  });

  it('after custody is safe while its object is there, in whatever state, and fails when the store has lost it', async () => {
    for (const state of ['received', 'ready', 'routed', 'held', 'quarantined'] as const) {
      assert.equal(await judge('custody', [receipt({ state })]), 'safe', state);
      assert.equal(await judge('custody', [receipt({ state })], false), 0x0112, state);
    }
  });

  it('after delivery is safe only when every destination confirmed it, and stays so when its object has left after the retention', async () => {
    assert.equal(await judge('delivered', [receipt()]), 'pending');
    assert.equal(await judge('delivered', [delivered()]), 'safe');
    assert.equal(await judge('delivered', [delivered({ objectDeleted: true })], false), 'safe');
    assert.equal(await judge('custody', [delivered({ objectDeleted: true })], false), 'safe');
    assert.equal(await judge('delivered', [delivered({ state: 'held' })]), 'pending');
    assert.equal(await judge('delivered', [delivered({ routed: false })]), 'pending');
    assert.equal(await judge('delivered', [receipt({ deliveries: 0, confirmed: 0 })]), 'pending');
  });

  it('fails when an operator discarded it or gave up one of its deliveries', async () => {
    for (const after of ['custody', 'delivered'] as const) {
      assert.equal(await judge(after, [receipt({ state: 'discarded' })]), 0x0112);
      assert.equal(await judge(after, [receipt({ givenUp: 1 })]), 0x0110);
      assert.equal(await judge(after, [receipt({ objectDeleted: true })]), 0x0112);
    }
  });

  it('is safe with one safe receipt of the same content; with different content under one UID all must be safe', async () => {
    assert.equal(await judge('delivered', [delivered(), receipt()]), 'safe');
    assert.equal(await judge('delivered', [delivered(), receipt({ digest: 'b' })]), 'pending');
    assert.equal(await judge('delivered', [delivered(), receipt({ digest: 'b', state: 'discarded' })]), 0x0112);
    assert.equal(await judge('delivered', [delivered(), delivered({ digest: 'b' })]), 'safe');
  });

  it('counts the receipts of the requestor alone, if there are any', async () => {
    assert.equal(await judge('delivered', [delivered(), receipt({ digest: 'b', callingAe: 'OTHER' })]), 'safe');
    assert.equal(await judge('delivered', [receipt(), delivered({ callingAe: 'OTHER' })]), 'pending');
    assert.equal(await judge('delivered', [delivered({ callingAe: 'OTHER' })]), 'safe');
  });
});
