// How often an address may try, by a clock that the test moves.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TriesPerAddress } from './tries-per-address.ts';

const NOW = 1_000_000;
const pace = { burst: 3, everyMs: 100, addresses: 2 };
const takes = (tries: TriesPerAddress, times: number[], address = 'a') => times.map((at) => tries.take(address, NOW + at));

describe('tries of an address', () => {
  test('three at once, then none until the pace allows one', () => {
    assert.deepEqual(takes(new TriesPerAddress(pace), [0, 0, 0, 0, 99, 100, 100]), [0, 0, 0, 100, 1, 0, 100]);
  });
  test('what was not used is saved up, to three', () => {
    assert.deepEqual(takes(new TriesPerAddress(pace), [0, 0, 0, 10_000, 10_000, 10_000, 10_000]), [0, 0, 0, 0, 0, 0, 100]);
  });
  test('of another address are its own', () => {
    const tries = new TriesPerAddress(pace);
    takes(tries, [0, 0, 0]);
    assert.deepEqual([takes(tries, [0], 'b'), takes(tries, [0])], [[0], [100]]);
  });
  test('one that is given back can be had again', () => {
    const tries = new TriesPerAddress(pace);
    takes(tries, [0, 0, 0]);
    tries.giveBack('a');
    assert.deepEqual(takes(tries, [0, 0]), [0, 100]);
  });
  test('beyond the addresses remembered the longest known is forgotten, not the newest', () => {
    const tries = new TriesPerAddress(pace);
    for (const address of ['a', 'b', 'c']) takes(tries, [0, 0, 0], address);
    assert.deepEqual([takes(tries, [0], 'b'), takes(tries, [0], 'c'), takes(tries, [0], 'a')], [[100], [100], [0]]);
  });
});
