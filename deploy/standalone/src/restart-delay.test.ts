// Delays before a restart.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartDelay } from './restart-delay.ts';

test('a process that keeps ending is started again after 0.5 s, then twice as long each time, at most as long as is set', () => {
  const delay = new RestartDelay(30_000);
  assert.deepEqual(
    Array.from({ length: 9 }, () => delay.after(100)),
    [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
  );
});

test('after a minute of health the next end counts as the first', () => {
  const delay = new RestartDelay(30_000);
  for (let ends = 0; ends < 5; ends++) delay.after(0);
  assert.equal(delay.after(60_000), 500);
  assert.equal(delay.after(59_999), 1_000);
});
