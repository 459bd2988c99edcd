// The comparison at the end of a chaos run finds what must not be: each test takes a good run and spoils one thing.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compareEvidence, type Evidence } from './compare.ts';

/** Two instances accepted, one given up that came through all the same; the first goes to both archives, as another data set to the second. */
const GOOD: Evidence = {
  sent: [
    { sopInstanceUid: '1.1', digest: 'a', accepted: true },
    { sopInstanceUid: '1.2', digest: 'b', accepted: true },
    { sopInstanceUid: '1.3', digest: 'c', accepted: false },
    { sopInstanceUid: '1.4', digest: undefined, accepted: false },
  ],
  arrived: [
    { archive: 'archive', sopInstanceUid: '1.1', digest: 'a' },
    { archive: 'second', sopInstanceUid: '1.1', digest: 'a-smaller' },
    { archive: 'archive', sopInstanceUid: '1.2', digest: 'b' },
    { archive: 'archive', sopInstanceUid: '1.3', digest: 'c' },
  ],
  receipts: [
    { receiptId: 'r1', sopInstanceUid: '1.1', digest: 'a', state: 'routed' },
    { receiptId: 'r2', sopInstanceUid: '1.2', digest: 'b', state: 'routed' },
    { receiptId: 'r3', sopInstanceUid: '1.3', digest: 'c', state: 'routed' },
  ],
  deliveries: [
    { receiptId: 'r1', destination: 'archive', state: 'confirmed', digestDelivered: undefined },
    { receiptId: 'r1', destination: 'second', state: 'confirmed', digestDelivered: 'a-smaller' },
    { receiptId: 'r2', destination: 'archive', state: 'confirmed', digestDelivered: undefined },
    { receiptId: 'r3', destination: 'archive', state: 'confirmed', digestDelivered: undefined },
  ],
  objects: ['r1', 'r2', 'r3'],
  everythingAt: 'archive',
  repeatsBound: 1,
};

const found = (spoilt: Partial<Evidence>): string[] => compareEvidence({ ...GOOD, ...spoilt }).findings.map(({ what }) => what);
const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, index) => index !== at);

describe('the comparison after a chaos run', () => {
  it('finds nothing in a good run, and counts it', () => {
    const verdict = compareEvidence(GOOD);
    assert.deepEqual(verdict, { findings: [], acknowledged: 2, arrivals: 4, repeats: 0, repeatsBound: 1, receipts: 3, deliveries: 4 });
  });

  it('finds a run in which nothing was acknowledged', () => {
    const sent = GOOD.sent.map((one) => ({ ...one, accepted: false }));
    assert.deepEqual(found({ sent }), ['no instance was acknowledged: the run shows nothing']);
  });

  it('finds an acknowledged instance that did not arrive, and a ledger that says it did', () => {
    assert.deepEqual(found({ arrived: without(GOOD.arrived, 2) }), [
      'acknowledged, and no data set of that UID in the archive',
      'confirmed by the ledger, and not in that archive',
    ]);
  });

  it('does not take the second archive for the one where everything has to be', () => {
    assert.ok(found({ arrived: without(GOOD.arrived, 0) }).includes('acknowledged, and no data set of that UID in the archive'));
  });

  it('finds an instance that arrived altered', () => {
    const arrived = GOOD.arrived.map((one, at) => (at === 2 ? { ...one, digest: 'other' } : one));
    assert.deepEqual(found({ arrived }), [
      'acknowledged, and the archive has only other data sets of that UID',
      'in an archive, and nobody sent it',
      'confirmed by the ledger, and not in that archive',
    ]);
  });

  it('finds the altered one even where the right one arrived too', () => {
    const arrived = [...GOOD.arrived, { archive: 'archive', sopInstanceUid: '1.2', digest: 'other' }];
    assert.deepEqual(found({ arrived }), ['in an archive, and nobody sent it']);
  });

  it('finds what nobody sent, whatever the ledger says that it made', () => {
    const receipts = [...GOOD.receipts, { receiptId: 'r9', sopInstanceUid: '9.9', digest: 'z', state: 'routed' }];
    const deliveries = [...GOOD.deliveries, { receiptId: 'r9', destination: 'archive', state: 'confirmed', digestDelivered: 'z' }];
    const arrived = [...GOOD.arrived, { archive: 'archive', sopInstanceUid: '9.9', digest: 'z' }];
    assert.deepEqual(found({ receipts, deliveries, arrived, objects: [...GOOD.objects, 'r9'] }), ['in an archive, and nobody sent it']);
  });

  it('finds an acknowledged instance of which the ledger knows only another content', () => {
    const receipts = GOOD.receipts.map((one, at) => (at === 1 ? { ...one, digest: 'other' } : one));
    assert.ok(found({ receipts }).includes('acknowledged, and the ledger has no receipt of it'));
  });

  it('finds a ledger that confirms what arrived in another form than it says', () => {
    const deliveries = GOOD.deliveries.map((one, at) => (at === 1 ? { ...one, digestDelivered: undefined } : one));
    assert.ok(found({ deliveries }).includes('confirmed by the ledger, and not in that archive'));
  });

  it('finds rows that are open: a receipt that is not routed, a delivery that is not confirmed', () => {
    const still = 'still open, held or failed in the ledger';
    for (const state of ['received', 'ready', 'held', 'quarantined', 'discarded'])
      assert.deepEqual(found({ receipts: GOOD.receipts.map((one, at) => (at === 2 ? { ...one, state } : one)) }), [still]);
    for (const state of ['due', 'retrying', 'parked', 'failed', 'discarded'])
      assert.deepEqual(found({ deliveries: GOOD.deliveries.map((one, at) => (at === 3 ? { ...one, state } : one)) }), [still]);
  });

  it('finds objects without a row, and rows without an object', () => {
    assert.deepEqual(found({ objects: [...GOOD.objects, 'r8'] }), ['an object in the store that the ledger does not know']);
    assert.deepEqual(found({ objects: ['r1', 'r2'] }), ['received by the ledger, and no object in the store']);
  });

  it('allows as many repeats as can have been in flight, and finds one more', () => {
    const again = { archive: 'second', sopInstanceUid: '1.1', digest: 'a-smaller' };
    assert.deepEqual(found({ arrived: [...GOOD.arrived, again] }), []);
    assert.equal(compareEvidence({ ...GOOD, arrived: [...GOOD.arrived, again] }).repeats, 1);
    assert.deepEqual(found({ arrived: [...GOOD.arrived, again, again] }), ['more repeats than can have been in flight']);
  });

  it('counts no repeat where the sender sent again and both were received', () => {
    const receipts = [...GOOD.receipts, { receiptId: 'r5', sopInstanceUid: '1.2', digest: 'b', state: 'routed' }];
    const deliveries = [...GOOD.deliveries, { receiptId: 'r5', destination: 'archive', state: 'confirmed', digestDelivered: undefined }];
    const arrived = [...GOOD.arrived, { archive: 'archive', sopInstanceUid: '1.2', digest: 'b' }];
    assert.equal(compareEvidence({ ...GOOD, receipts, deliveries, arrived }).repeats, 0);
  });
});
