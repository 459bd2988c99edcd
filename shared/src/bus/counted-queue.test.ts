// A queue that is counted without asking for each message: never too low by what this process did, and asked about only near its limit.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CountedQueue } from './counted-queue.ts';

function rig(there = 0) {
  const world = { there, now: 0, asked: 0, away: false };
  const queue = new CountedQueue(
    async () => {
      world.asked += 1;
      if (world.away) throw new Error('no answer');
      return world.there;
    },
    () => world.now,
  );
  const publish = () => {
    queue.enter()(true);
    world.there += 1;
  };
  return { world, queue, publish };
}

describe('a counted queue', () => {
  it('far from its limit 10,000 publications cost a handful of questions', async () => {
    const { world, queue, publish } = rig();
    for (let n = 0; n < 10_000; n += 1) {
      await queue.look(200_000);
      publish();
      world.now += 1;
    }
    assert.equal(queue.count, 10_000);
    assert.equal(world.asked, 1);
  });
  it('is asked about at most every quarter of a second at its limit, and then tells exactly', async () => {
    const { world, queue } = rig(1_000);
    for (let n = 0; n < 1_000; n += 1) {
      await queue.look(1_000);
      assert.equal(queue.count, 1_000);
      world.now += 1;
    }
    assert.equal(world.asked, 4);
    world.there = 700;
    world.now += 250;
    await queue.look(1_000);
    assert.equal(queue.count, 700);
  });
  it('eight processes that fill one queue side by side stay within its limit, but for what they publish in a quarter of a second near it', async () => {
    const world = { there: 0, now: 0 };
    const queues = Array.from(
      { length: 8 },
      () =>
        new CountedQueue(
          async () => world.there,
          () => world.now,
        ),
    );
    for (let round = 0; round < 20_000; round += 1) {
      for (const queue of queues) {
        await queue.look(5_000);
        if (queue.count >= 5_000) continue;
        queue.enter()(true);
        world.there += 1;
      }
      world.now += 10;
    }
    assert.ok(world.there >= 5_000 && world.there <= 5_000 + 8 * 25, String(world.there));
  });
  it('counts what is under way, and does not count what was refused', async () => {
    const { queue } = rig(5);
    await queue.look(10);
    const [one, other] = [queue.enter(), queue.enter()];
    assert.equal(queue.count, 7);
    one(false);
    other(true);
    assert.equal(queue.count, 6);
  });
  it('what was published while the question was under way is counted, whether or not the answer knows it', async () => {
    let answer: (count: number) => void = () => {};
    const queue = new CountedQueue(
      () => new Promise<number>((resolve) => (answer = resolve)),
      () => 0,
    );
    const looked = queue.look(10);
    queue.enter()(true);
    answer(3);
    await looked;
    assert.equal(queue.count, 4);
  });
  it('without an answer it stays what it was', async () => {
    const { world, queue } = rig(9);
    await queue.look(9);
    world.away = true;
    world.now += 300;
    await queue.look(9);
    assert.equal(queue.count, 9);
    assert.equal(world.asked, 2);
  });
});
