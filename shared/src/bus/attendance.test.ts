// Heartbeats in any order and number: who counts as present.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Attendance, MISSED_BEATS } from './attendance.ts';

const beats = (attendance: Attendance, replica: string, count: number): boolean[] =>
  Array.from({ length: count }, () => attendance.heard(replica));

describe('Attendance', () => {
  it('knows itself before anybody was heard, and who else was heard, in one order everywhere', () => {
    const one = new Attendance('b');
    assert.deepEqual([one.present, one.hasHeardItself], [['b'], false]);
    assert.equal(one.heard('c'), true);
    assert.equal(one.heard('a'), true);
    assert.deepEqual(one.present, ['a', 'b', 'c']);
    one.heard('b');
    assert.equal(one.hasHeardItself, true);
  });

  it('takes a replica for gone after so many missed beats, not one earlier, and says so once', () => {
    const attendance = new Attendance('self');
    attendance.heard('other');
    assert.deepEqual(
      beats(attendance, 'self', MISSED_BEATS).filter((changed) => changed),
      [],
    );
    assert.deepEqual(attendance.present, ['other', 'self']);
    assert.equal(attendance.heard('self'), true);
    assert.deepEqual(attendance.present, ['self']);
    assert.equal(attendance.heard('self'), false);
  });

  it('never takes a replica for gone while it does not hear itself: the broker may be away', () => {
    const attendance = new Attendance('self');
    attendance.heard('other');
    beats(attendance, 'third', 100);
    assert.deepEqual(attendance.present, ['other', 'self', 'third']);
  });

  it('takes back a replica that beats again, and lets go at once of one that says that it leaves', () => {
    const attendance = new Attendance('self');
    attendance.heard('other');
    beats(attendance, 'self', MISSED_BEATS + 1);
    assert.equal(attendance.heard('other'), true);
    assert.equal(attendance.left('other'), true);
    assert.equal(attendance.left('other'), false);
    assert.deepEqual(attendance.present, ['self']);
  });

  it('is always present itself', () => {
    const attendance = new Attendance('self');
    assert.equal(attendance.left('self'), false);
    beats(attendance, 'other', 50);
    assert.deepEqual(attendance.present, ['other', 'self']);
  });
});
