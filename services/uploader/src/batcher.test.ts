// The queue of one destination: order of lanes, sizes of batches, and what never goes together.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lane } from '@causeway/shared/events/instance';
import { Batcher } from './batcher.ts';

const item = (name: string, lane: Lane = 'routine', more: { size?: number; uid?: string; alone?: boolean; facility?: string } = {}) => ({
  name,
  lane,
  facility: more.facility ?? 'none',
  size: more.size ?? 10,
  sopInstanceUid: more.uid ?? name,
  alone: more.alone ?? false,
});
const limits = { instances: 3, size: 1000 };

function batcherOf(...items: ReturnType<typeof item>[]): Batcher<ReturnType<typeof item>> {
  const batcher = new Batcher<ReturnType<typeof item>>(() => 1);
  for (const each of items) batcher.add(each);
  return batcher;
}
const names = (batch: { name: string }[]): string[] => batch.map(({ name }) => name);

describe('Batcher', () => {
  it('gives stat before routine before prior, oldest first, and never mixes lanes', () => {
    const batcher = batcherOf(item('p', 'prior'), item('r1'), item('r2'), item('s', 'stat'));
    assert.deepEqual(names(batcher.take(limits)), ['s']);
    assert.deepEqual(names(batcher.take(limits)), ['r1', 'r2']);
    assert.deepEqual(names(batcher.take(limits)), ['p']);
    assert.deepEqual(batcher.take(limits), []);
  });

  it('ends a batch at its number of instances', () => {
    const batcher = batcherOf(item('a'), item('b'), item('c'), item('d'));
    assert.deepEqual(names(batcher.take(limits)), ['a', 'b', 'c']);
    assert.equal(batcher.size, 1);
  });

  it('ends a batch at its size, and sends an object larger than that alone', () => {
    const batcher = batcherOf(
      item('large', 'routine', { size: 5000 }),
      item('a', 'routine', { size: 600 }),
      item('b', 'routine', { size: 600 }),
    );
    assert.deepEqual(names(batcher.take(limits)), ['large']);
    assert.deepEqual(names(batcher.take(limits)), ['a']);
    assert.deepEqual(names(batcher.take(limits)), ['b']);
  });

  it('never puts one SOP Instance UID into a batch twice, because the answer tells by it', () => {
    const batcher = batcherOf(item('first', 'routine', { uid: '1.2' }), item('second', 'routine', { uid: '1.2' }), item('other'));
    assert.deepEqual(names(batcher.take(limits)), ['first', 'other']);
    assert.deepEqual(names(batcher.take(limits)), ['second']);
  });

  it('sends alone what failed in company, first in line or not', () => {
    const batcher = batcherOf(item('a'), item('poison', 'routine', { alone: true }), item('b'));
    assert.deepEqual(names(batcher.take(limits)), ['a', 'b']);
    assert.deepEqual(names(batcher.take(limits)), ['poison']);
    const first = batcherOf(item('poison', 'routine', { alone: true }), item('a'));
    assert.deepEqual(names(first.take(limits)), ['poison']);
  });

  const MIB = 1024 ** 2;
  const many = (facility: string, count: number, { size = MIB, lane = 'routine' }: { size?: number; lane?: Lane } = {}) =>
    Array.from({ length: count }, (_, n) => item(`${facility}${n}`, lane, { facility, size }));
  /** Instances and bytes of each facility in so many batches. */
  function taken(batcher: Batcher<ReturnType<typeof item>>, batches: number, batch: typeof limits) {
    const items = Array.from({ length: batches }, () => batcher.take(batch)).flat();
    const of = (facility: string) => items.filter((each) => each.facility === facility);
    return {
      count: (facility: string) => of(facility).length,
      bytes: (facility: string) => of(facility).reduce((sum, { size }) => sum + size, 0),
    };
  }

  it('lets facilities share a destination by weight, counted in bytes', () => {
    const weights: Record<string, number> = { a: 3, b: 1 };
    const batcher = new Batcher<ReturnType<typeof item>>((facility) => weights[facility] ?? 1);
    for (const each of [...many('a', 400), ...many('b', 400)]) batcher.add(each);
    const same = taken(batcher, 20, { instances: 10, size: 100 * MIB });
    assert.deepEqual([same.count('a'), same.count('b')], [150, 50]);

    const mixed = batcherOf(...many('small', 400, { size: 8 * MIB }), ...many('large', 40, { size: 80 * MIB }));
    const sent = taken(mixed, 20, { instances: 10, size: 1000 * MIB });
    assert.ok(Math.abs(sent.bytes('small') - sent.bytes('large')) <= 88 * MIB, `${sent.bytes('small')} and ${sent.bytes('large')} bytes`);
  });

  it('puts a study of another facility beside a deep queue, not behind it', () => {
    const batcher = batcherOf(...many('flood', 1_000), ...many('study', 20));
    const sent = taken(batcher, 5, { instances: 10, size: 100 * MIB });
    assert.deepEqual([sent.count('study'), sent.count('flood')], [20, 30]);
  });

  it('keeps stat before routine across facilities, and lets a lower lane through now and then', () => {
    const batcher = batcherOf(
      ...many('a', 100, { size: 1, lane: 'prior' }),
      ...many('a', 100, { size: 1 }),
      ...many('b', 3, { size: 1, lane: 'stat' }),
    );
    const order = Array.from({ length: 100 }, () => batcher.take({ instances: 1, size: MIB })[0]!.lane);
    assert.deepEqual(order.slice(0, 4), ['stat', 'stat', 'stat', 'routine']);
    const places = order.flatMap((lane, place) => (lane === 'prior' ? [place] : []));
    assert.deepEqual(places, [20, 41, 62, 83]);
  });

  it('sends what had to wait for a batch of its own at the next turn of its facility', () => {
    const batcher = batcherOf(
      ...many('a', 3, { size: 400 }),
      item('b0', 'routine', { facility: 'b', size: 900 }),
      item('b1', 'routine', { facility: 'b', alone: true }),
      ...many('c', 1, { size: 10 }),
    );
    const batches = Array.from({ length: 5 }, () => names(batcher.take(limits)));
    assert.deepEqual(batches, [['a0', 'c0', 'a1'], ['b0'], ['b1'], ['a2'], []]);
  });

  it('gives everything back when cleared', () => {
    const batcher = batcherOf(item('r'), item('s', 'stat'));
    assert.deepEqual(names(batcher.upcoming()), ['s', 'r']);
    assert.deepEqual(names(batcher.clear()), ['s', 'r']);
    assert.equal(batcher.size, 0);
  });
});
