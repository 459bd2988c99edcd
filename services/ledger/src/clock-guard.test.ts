// The guard with a clock that is set by hand.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClockGuard, STEADY_FOR_MS } from './clock-guard.ts';

function guarded() {
  let [wall, steady] = [Date.UTC(2026, 0, 5), 1_000];
  const guard = new ClockGuard({ now: () => wall, steady: () => steady });
  return {
    pass: (ms: number) => {
      wall += ms;
      steady += ms;
    },
    set: (ms: number) => {
      wall += ms;
    },
    distrust: (database = wall, lastKnown?: number) =>
      guard.distrust(new Date(database), lastKnown === undefined ? undefined : new Date(lastKnown)),
    wall: () => wall,
  };
}

describe('a clock', () => {
  test('that goes on as time does is trusted, however long', () => {
    const clock = guarded();
    for (let day = 0; day < 400; day += 1) {
      clock.pass(86_400_000);
      clock.set(10_000);
      assert.equal(clock.distrust(), undefined);
    }
  });

  for (const [way, ms] of [
    ['forward', 40 * 86_400_000],
    ['back', -86_400_000],
  ] as const)
    test(`that was set ${way} is not trusted for a day, though the database's was set with it`, () => {
      const clock = guarded();
      clock.pass(60_000);
      clock.set(ms);
      assert.match(clock.distrust()!, /jumped 0 s ago/);
      clock.pass(STEADY_FOR_MS - 1_000);
      assert.match(clock.distrust()!, /jumped/);
      clock.pass(1_000);
      assert.equal(clock.distrust(), undefined);
    });

  test('that was set forward while the ledger was off is not trusted for a day: nothing is known of the days before', () => {
    const clock = guarded();
    const lastKnown = clock.wall() - 4 * 86_400_000;
    assert.match(clock.distrust(clock.wall(), lastKnown)!, /nothing is known of the last 4 days/);
    clock.pass(STEADY_FOR_MS - 1_000);
    assert.ok(clock.distrust(clock.wall(), clock.wall()) !== undefined, 'also when something is received again');
    clock.pass(1_000);
    assert.equal(clock.distrust(clock.wall(), lastKnown), undefined);
  });

  test('of an empty ledger, or of one that was off for a night or set back, is trusted', () => {
    for (const ago of [undefined, 86_400_000, -400 * 86_400_000]) {
      const clock = guarded();
      assert.equal(clock.distrust(clock.wall(), ago === undefined ? undefined : clock.wall() - ago), undefined);
    }
  });

  test('that the database does not agree with is not trusted, and is again when they agree', () => {
    const clock = guarded();
    assert.match(clock.distrust(clock.wall() - 3_600_000)!, /3600 s apart/);
    assert.match(clock.distrust(clock.wall() + 61_000)!, /61 s apart/);
    assert.equal(clock.distrust(clock.wall() + 2_000), undefined);
  });
});
