// The silence timer, on a clock that the test moves.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { InactivityTimer } from './inactivity-timer.ts';

function start(context: TestContext, limitMs = 1000) {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const state = { now: 0, lastActivityAt: 0, isExempt: false, expired: 0 };
  const timer = new InactivityTimer({
    limitMs,
    lastActivityAt: () => state.lastActivityAt,
    isExempt: () => state.isExempt,
    onExpired: () => state.expired++,
    now: () => state.now,
  });
  const pass = (ms: number) => {
    for (let tick = 0; tick < ms; tick += 10) {
      state.now += 10;
      context.mock.timers.tick(10);
    }
  };
  return { state, timer, pass };
}

test('silence expires once, at the limit', (context) => {
  const { state, pass } = start(context);
  pass(990);
  assert.equal(state.expired, 0);
  pass(10);
  assert.equal(state.expired, 1);
  pass(5000);
  assert.equal(state.expired, 1);
});

test('activity puts the end off by what is left, without a timer of its own', (context) => {
  const { state, pass } = start(context);
  pass(600);
  state.lastActivityAt = state.now;
  pass(990);
  assert.equal(state.expired, 0);
  pass(10);
  assert.equal(state.expired, 1);
});

test('silence while we are slow is not counted, and counts anew afterwards', (context) => {
  const { state, pass } = start(context);
  state.isExempt = true;
  pass(10_000);
  assert.equal(state.expired, 0);
  state.isExempt = false;
  pass(990);
  assert.equal(state.expired, 0);
  pass(1010);
  assert.equal(state.expired, 1);
});

test('a stopped timer and a limit of 0 never expire', (context) => {
  const stopped = start(context);
  stopped.timer.stop();
  stopped.pass(3000);
  assert.equal(stopped.state.expired, 0);
  context.mock.timers.reset();
  const unlimited = start(context, 0);
  unlimited.pass(3000);
  assert.equal(unlimited.state.expired, 0);
});
