// SOP Class groups: named groups and plain UIDs.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isInSopClass, SOP_CLASS_GROUPS, sopClassName } from './sop-class-groups.ts';

describe('SOP Class groups', () => {
  it('X-Ray angiography is in xa, CT is not', () => {
    assert.equal(isInSopClass('1.2.840.10008.5.1.4.1.1.12.1', 'xa'), true);
    assert.equal(isInSopClass('1.2.840.10008.5.1.4.1.1.2', 'xa'), false);
  });
  it('a UID means itself only, not what begins like it', () => {
    assert.equal(isInSopClass('1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.2'), true);
    assert.equal(isInSopClass('1.2.840.10008.5.1.4.1.1.2.1', '1.2.840.10008.5.1.4.1.1.2'), false);
  });
  it('no SOP Class is in two groups', () => {
    const all = Object.values(SOP_CLASS_GROUPS).flat();
    assert.deepEqual(
      all.filter((uid, at) => all.indexOf(uid) !== at),
      [],
    );
  });
  for (const wrong of ['CT', 'constructor', '1.2..3', '1.02', '', '1.'])
    it(`${JSON.stringify(wrong)} is no SOP Class`, () => assert.equal(sopClassName().safeParse(wrong).success, false));
});
