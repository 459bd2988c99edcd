// When a destination is left alone, for how long, and what brings it back.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CircuitBreaker, type FlowState, retryDelayMs } from './circuit-breaker.ts';
import { FakeClock } from './fake-clock-for-tests.ts';

const retry = { first: 1000, factor: 2, max: 10_000 };

function newBreaker() {
  const clock = new FakeClock();
  const changes: { state: FlowState; reason: string | undefined }[] = [];
  const breaker = new CircuitBreaker({ retry, clock, random: () => 0, onChange: (state, reason) => void changes.push({ state, reason }) });
  return { breaker, clock, changes };
}

describe('CircuitBreaker', () => {
  it('pauses at once when the destination is down, with the reason', () => {
    const { breaker, changes } = newBreaker();
    breaker.failed('down', 'HTTP 503');
    assert.equal(breaker.state, 'paused');
    assert.deepEqual(changes, [{ state: 'paused', reason: 'HTTP 503' }]);
    assert.equal(breaker.msUntilProbe, 1000);
  });

  it('pauses at the third suspect failure in a row, and a success in between starts the count anew', () => {
    const { breaker } = newBreaker();
    for (const _ of [1, 2]) breaker.failed('suspect', 'HTTP 500');
    breaker.succeeded();
    for (const _ of [1, 2]) breaker.failed('suspect', 'HTTP 500');
    assert.equal(breaker.state, 'flowing');
    breaker.failed('suspect', 'HTTP 500');
    assert.equal(breaker.state, 'paused');
  });

  it('does not pause for failures that are not the destination’s', () => {
    const { breaker, changes } = newBreaker();
    for (let n = 0; n < 10; n += 1) breaker.failed('none', 'store out of reach');
    assert.deepEqual(changes, []);
  });

  it('probes after the delay; a failed probe pauses twice as long, up to the most; a good one resumes', () => {
    const { breaker, clock } = newBreaker();
    breaker.failed('down', 'refused');
    for (const delay of [1000, 2000, 4000, 8000, 10_000, 10_000]) {
      assert.equal(breaker.msUntilProbe, delay);
      clock.advance(delay - 1);
      assert.equal(breaker.state, 'paused');
      clock.advance(1);
      assert.equal(breaker.state, 'probing');
      breaker.failed('suspect', 'still not');
      assert.equal(breaker.state, 'paused');
    }
    clock.advance(10_000);
    breaker.succeeded();
    assert.equal(breaker.state, 'flowing');
    breaker.failed('down', 'refused');
    assert.equal(breaker.msUntilProbe, 1000);
  });

  it('waits as long as the destination asked for', () => {
    const { breaker } = newBreaker();
    breaker.failed('down', 'HTTP 429', 7000);
    assert.equal(breaker.msUntilProbe, 7000);
  });

  it('ignores what was sent before the pause and ends after it', () => {
    const { breaker, changes } = newBreaker();
    breaker.failed('down', 'refused');
    breaker.failed('down', 'refused');
    breaker.succeeded();
    assert.equal(breaker.state, 'paused');
    assert.equal(changes.length, 1);
  });

  it('does nothing more once stopped', () => {
    const { breaker, clock } = newBreaker();
    breaker.failed('down', 'refused');
    breaker.stop();
    clock.advance(60_000);
    assert.equal(breaker.state, 'paused');
  });
});

describe('retryDelayMs', () => {
  it('grows by the factor up to the most, less at most a fifth', () => {
    const full = [1, 2, 3, 4, 5, 60].map((n) => retryDelayMs(retry, n, () => 0));
    assert.deepEqual(full, [1000, 2000, 4000, 8000, 10_000, 10_000]);
    assert.equal(
      retryDelayMs(retry, 1, () => 0.999_999),
      800,
    );
  });
});
