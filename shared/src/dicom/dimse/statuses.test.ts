// Classes of statuses and what an error comment may hold.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorCommentOf, isStored } from './statuses.ts';

test('success and warnings mean stored, refusals and failures do not', () => {
  for (const status of [0x0000, 0x0001, 0x0107, 0x0116, 0xb000, 0xb006, 0xb007]) assert.ok(isStored(status), status.toString(16));
  for (const status of [0x0110, 0x0111, 0x0122, 0x0124, 0xa700, 0xa900, 0xc000, 0xfe00, 0xff00])
    assert.ok(!isStored(status), status.toString(16));
});

test('a comment is cut to 64 characters of the default repertoire, without backslash', () => {
  assert.equal(errorCommentOf({ status: 1, comment: 'a\\b\nü' }), 'a?b??');
  assert.equal(errorCommentOf({ status: 1, comment: 'x'.repeat(100) })?.length, 64);
  assert.equal(errorCommentOf({ status: 1, comment: '' }), undefined);
});
