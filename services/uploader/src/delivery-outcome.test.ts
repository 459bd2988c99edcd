// The tables of statuses: what counts as delivered, what is tried again, what is parked.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { C_STORE_STATUSES, classifyStatus, isSyntaxRefused, judgeHttpStatus, STOW_FAILURE_REASONS } from './delivery-outcome.ts';
import { refusedContextOutcome, storeOutcome } from './dimse-outcome.ts';
import { failedOutcome } from './stow-outcome.ts';

describe('C-STORE statuses (PS3.4 B.2.3)', () => {
  it('take success and warnings alone as delivered', () => {
    for (let status = 0; status <= 0xffff; status += 1) {
      const delivered = storeOutcome(status, false).kind === 'delivered';
      assert.equal(delivered, status === 0 || (status >= 0xb000 && status <= 0xbfff), status.toString(16));
    }
  });

  it('keep the warning', () => {
    assert.deepEqual(storeOutcome(0xb007, false), { kind: 'delivered', confirmation: 'c-store B007', warning: 'status B007' });
    assert.deepEqual(storeOutcome(0, false), { kind: 'delivered', confirmation: 'c-store 0000' });
  });

  it('tell the four kinds of failure apart', () => {
    const kinds = [0xa700, 0xa7ff, 0xa900, 0xa9ff, 0xc000, 0xcfff, 0x0110, 0x0122, 0x0124, 0x1234].map(
      (status) => storeOutcome(status, true).kind,
    );
    assert.deepEqual(kinds, [
      ...['transient', 'transient', 'permanent', 'permanent', 'refused'],
      ...['refused', 'refused', 'permanent', 'transient', 'refused'],
    ]);
  });

  it('pause the destination when it says that we are not authorised (0124)', () => {
    const outcome = storeOutcome(0x0124, false);
    assert.equal(outcome.kind === 'transient' && outcome.fault, 'down');
  });

  it('take a duplicate (0111) as delivered only for an instance that was sent before', () => {
    assert.equal(storeOutcome(0x0111, false).kind, 'refused');
    assert.equal(storeOutcome(0x0111, true).kind, 'delivered');
  });
});

describe('STOW failure reasons (PS3.18 I.2.2)', () => {
  it('map to what is done about them', () => {
    const classes = [0xa700, 0xa900, 0xc122, 0xc000, 0x0110, 0x0122, 45070, 0x0111, 0x0124, 0x9999].map((reason) =>
      classifyStatus(STOW_FAILURE_REASONS, reason),
    );
    assert.deepEqual(classes, [
      ...['transient', 'permanent', 'syntax', 'refused', 'refused'],
      ...['permanent', 'already-stored', 'already-stored', 'not-authorised', 'refused'],
    ]);
  });

  it('never are a delivery by themselves', () => {
    for (let reason = 0; reason <= 0xffff; reason += 1) assert.notEqual(failedOutcome(reason).kind, 'delivered');
    assert.equal(failedOutcome(undefined).kind, 'refused');
  });
});

describe('HTTP statuses of STOW-RS', () => {
  it('decide between the instance, the batch and the destination', () => {
    const verdicts = [200, 202, 409, 400, 413, 415, 401, 403, 404, 429, 503, 500, 502, 408, 425, 301, 402].map(judgeHttpStatus);
    assert.deepEqual(verdicts, [
      ...['per-instance', 'per-instance', 'per-instance', 'split', 'split', 'syntax', 'pause', 'pause', 'pause', 'pause', 'pause'],
      ...['suspect', 'suspect', 'suspect', 'suspect', 'pause', 'pause'],
    ]);
  });
});

describe('the tables', () => {
  it('have no range that an earlier one hides', () => {
    for (const table of [C_STORE_STATUSES, STOW_FAILURE_REASONS]) {
      for (const [place, row] of table.entries()) {
        const before = table.slice(0, place);
        assert.ok(!before.some(({ from, to }) => from <= row.from && to >= row.to), row.from.toString(16));
      }
    }
  });
});

describe('a refused presentation context', () => {
  const need = { sopClassUid: '1.2.3', transferSyntaxUid: '1.2.840.10008.1.2.4.90' };
  it('is permanent for results 3 and 4, with the syntax in the reason, and bounded for 1 and 2', () => {
    const kinds = [1, 2, 3, 4].map((result) => refusedContextOutcome(result, need).kind);
    assert.deepEqual(kinds, ['refused', 'refused', 'permanent', 'permanent']);
    const outcome = refusedContextOutcome(4, need);
    assert.ok(outcome.kind === 'permanent' && outcome.reason.includes('1.2.840.10008.1.2.4.90'));
  });
});

describe('isSyntaxRefused', () => {
  it('is C122 and context results 3 and 4, and no other refusal', () => {
    const need = { sopClassUid: '1.2', transferSyntaxUid: '1.2.840.10008.1.2.4.90' };
    const reasons = [0xa900, 0xc122, 0x0122, 0xc000];
    const refused = reasons.map((reason) => failedOutcome(reason)).filter((one) => one.kind !== 'already-stored' && one.kind !== 'unsaid');
    assert.deepEqual(refused.map(isSyntaxRefused), [false, true, false, false]);
    assert.deepEqual(
      [1, 2, 3, 4].map((result) => isSyntaxRefused(refusedContextOutcome(result, need))),
      [false, false, true, true],
    );
  });
});
