// When a nats-server that takes no publications is restarted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JetStreamJudge } from './jetstream-judge.ts';

const ROOM = 10 * 1024 ** 3;

test('one or two failed probes are borne: a reconnect looks the same', () => {
  const judge = new JetStreamJudge();
  assert.deepEqual(
    [judge.after(false, ROOM, 0), judge.after(false, ROOM, 1), judge.after(true, ROOM, 2), judge.after(false, ROOM, 3)],
    Array(4).fill('go on'),
  );
});

test('three in a row restart it', () => {
  const judge = new JetStreamJudge();
  assert.deepEqual([judge.after(false, ROOM, 0), judge.after(false, ROOM, 1), judge.after(false, ROOM, 2)], ['go on', 'go on', 'restart']);
});

test('on a full disk it is not restarted, but as soon as there is space', () => {
  const judge = new JetStreamJudge();
  const full = [0, 1, 2].map((now) => judge.after(false, 1024, now));
  assert.equal(full.at(-1), 'full');
  assert.deepEqual([3, 4, 5].map((now) => judge.after(false, ROOM, now)).at(-1), 'restart');
});

test('restarts that do not help come less and less often', () => {
  const judge = new JetStreamJudge();
  const restarts: number[] = [];
  for (let now = 0; now < 600_000; now += 3_000) if (judge.after(false, ROOM, now) === 'restart') restarts.push(now);
  const gaps = restarts.slice(1).map((at, index) => at - restarts[index]!);
  assert.ok(gaps.length >= 3);
  assert.deepEqual(
    gaps,
    [...gaps].sort((one, other) => one - other),
  );
  assert.ok(gaps.at(-1)! > gaps[0]! * 2, gaps.join(' '));
});
