// Who is admitted when.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PrioritySemaphore } from './priority-semaphore.ts';

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('priority semaphore', () => {
  it('never hands out more than its capacity', async () => {
    const semaphore = new PrioritySemaphore({ capacity: 3 });
    let held = 0;
    let most = 0;
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const units = 1 + (index % 3);
        const release = await semaphore.acquire(units, index % 4);
        held += units;
        most = Math.max(most, held);
        await settled();
        held -= units;
        release();
      }),
    );
    assert.equal(most, 3);
    assert.equal(semaphore.held, 0);
  });

  it('admits by priority, then in order of asking', async () => {
    const semaphore = new PrioritySemaphore({ capacity: 1 });
    const release = await semaphore.acquire(1, 1);
    const order: string[] = [];
    const ask = (name: string, priority: number) =>
      semaphore.acquire(1, priority).then((done) => {
        order.push(name);
        done();
      });
    const asked = [ask('prior', 2), ask('routine 1', 1), ask('stat', 0), ask('routine 2', 1)];
    release();
    await Promise.all(asked);
    assert.deepEqual(order, ['stat', 'routine 1', 'routine 2', 'prior']);
  });

  it('keeps the reserve for priority 0 alone', async () => {
    const semaphore = new PrioritySemaphore({ capacity: 2, reserved: 1 });
    await semaphore.acquire(1, 1);
    void semaphore.acquire(1, 1);
    await settled();
    assert.equal(semaphore.held, 1);
    await semaphore.acquire(1, 0);
    assert.equal(semaphore.held, 2);
  });

  it('lets a large request at the head wait for room instead of being overtaken for ever', async () => {
    const semaphore = new PrioritySemaphore({ capacity: 4 });
    const release = await semaphore.acquire(3, 1);
    const order: string[] = [];
    const large = semaphore.acquire(4, 1).then((done) => {
      order.push('large');
      done();
    });
    const small = semaphore.acquire(1, 1).then(() => order.push('small'));
    await settled();
    assert.deepEqual(order, []);
    release();
    await Promise.all([large, small]);
    assert.deepEqual(order, ['large', 'small']);
  });

  it('admits a request beyond the capacity when nothing else is held', async () => {
    const semaphore = new PrioritySemaphore({ capacity: 1 });
    const release = await semaphore.acquire(100, 1);
    release();
    release();
    assert.equal(semaphore.held, 0);
  });

  it('refuses those who wait and those who come, and keeps what is held', async () => {
    const semaphore = new PrioritySemaphore({ capacity: 1 });
    const release = await semaphore.acquire(1, 1);
    const waiting = semaphore.acquire(1, 0);
    semaphore.refuse(new Error('stopping'));
    await assert.rejects(waiting, /stopping/);
    await assert.rejects(semaphore.acquire(1, 0), /stopping/);
    assert.equal(semaphore.held, 1);
    release();
    assert.equal(semaphore.held, 0);
  });

  it('gives facilities of one priority their turns by weight, whoever asked first, and each in its own order', async () => {
    const weights: Record<string, number> = { heavy: 3 };
    const semaphore = new PrioritySemaphore({ capacity: 1, weightOf: (facility) => weights[facility] ?? 1 });
    const release = await semaphore.acquire(1, 1);
    const order: string[] = [];
    const ask = async (facility: string, n: number): Promise<void> => {
      const done = await semaphore.acquire(1, 1, { facility, cost: 10 });
      order.push(`${facility}${n}`);
      done();
    };
    const all = ['heavy', 'light'].flatMap((facility) => Array.from({ length: 6 }, (_, n) => ask(facility, n)));
    release();
    await Promise.all(all);
    assert.deepEqual(order.slice(0, 8).toSorted(), ['heavy0', 'heavy1', 'heavy2', 'heavy3', 'heavy4', 'heavy5', 'light0', 'light1']);
    assert.deepEqual(
      order.filter((name) => name.startsWith('light')),
      ['light0', 'light1', 'light2', 'light3', 'light4', 'light5'],
    );
  });
});
