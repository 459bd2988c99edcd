// The queue of one destination: order of lanes, sizes of batches, and what never goes together.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lane } from '@causeway/shared/events/instance';
import { Batcher } from './batcher.ts';

const item = (name: string, lane: Lane = 'routine', more: { size?: number; uid?: string; alone?: boolean } = {}) => ({
  name,
  lane,
  size: more.size ?? 10,
  sopInstanceUid: more.uid ?? name,
  alone: more.alone ?? false,
});
const limits = { instances: 3, size: 1000 };

function batcherOf(...items: ReturnType<typeof item>[]): Batcher<ReturnType<typeof item>> {
  const batcher = new Batcher<ReturnType<typeof item>>();
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

  it('gives everything back when cleared', () => {
    const batcher = batcherOf(item('r'), item('s', 'stat'));
    assert.deepEqual(names(batcher.upcoming()), ['s', 'r']);
    assert.deepEqual(names(batcher.clear()), ['s', 'r']);
    assert.equal(batcher.size, 0);
  });
});
