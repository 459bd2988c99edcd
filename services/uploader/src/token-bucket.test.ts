// A limited rate on a fake clock: never more than rate x time + what is kept, over any interval, and all of it when it is asked for.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from './fake-clock-for-tests.ts';
import { burstOf, TokenBucket } from './token-bucket.ts';

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('a token bucket', () => {
  for (const rate of [125, 10_000, 2_500_000, 125_000_000])
    it(`at ${rate} bytes a second lets through no more than rate x time + its burst over any interval, and no less than the rate when asked all the time`, () => {
      const clock = new FakeClock();
      const bucket = new TokenBucket(clock.now);
      bucket.limit(rate);
      const random = seeded(rate);
      const taken: { at: number; bytes: number }[] = [];
      const began = clock.now();
      while (taken.length < 400) {
        const bytes = 1 + Math.floor(random() * Math.min(burstOf(rate), 65_536));
        const waitMs = bucket.msUntil(bytes);
        if (waitMs > 0) {
          // Timers come late, now and then by much.
          clock.advance(waitMs + (random() < 0.1 ? Math.floor(random() * 20) : 0));
          continue;
        }
        bucket.take(bytes);
        taken.push({ at: clock.now(), bytes });
      }
      for (let first = 0; first < taken.length; first += 1) {
        let sum = 0;
        for (const { at, bytes } of taken.slice(first)) {
          sum += bytes;
          const most = (rate * (at - taken[first]!.at)) / 1_000 + burstOf(rate);
          assert.ok(sum <= most + 1e-6, `${sum} bytes from ${first} in ${at - taken[first]!.at} ms: ${most} allowed`);
        }
      }
      const total = taken.reduce((sum, { bytes }) => sum + bytes, 0);
      const seconds = (clock.now() - began) / 1_000;
      assert.ok(total >= rate * seconds * 0.9 - burstOf(rate), `${total} bytes in ${seconds} s`);
    });

  it('a lower rate holds at once: what was kept at the higher one is cut', () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock.now);
    bucket.limit(1_000_000);
    clock.advance(10_000);
    bucket.limit(4_096);
    assert.equal(bucket.msUntil(1_024), 0);
    bucket.take(1_024);
    assert.equal(bucket.msUntil(1_024), 250);
  });

  it('a higher rate, and none at all, hold at once; a limit after none begins with nothing kept', () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(clock.now);
    assert.deepEqual([bucket.isLimited, bucket.msUntil(1e9)], [false, 0]);
    bucket.take(1e9);
    clock.advance(60_000);
    bucket.limit(1_024);
    assert.equal(bucket.msUntil(1_024), 1_000);
    bucket.limit(10_240);
    assert.equal(bucket.msUntil(1_024), 100);
    bucket.limit(Number.POSITIVE_INFINITY);
    assert.equal(bucket.msUntil(1e9), 0);
  });

  it('a clock that is set back loses nothing but the time', () => {
    let now = 1_000_000;
    const bucket = new TokenBucket(() => now);
    bucket.limit(8_192);
    now -= 3_600_000;
    assert.equal(bucket.msUntil(1_024), 125);
    now += 125;
    assert.equal(bucket.msUntil(1_024), 0);
  });
});
