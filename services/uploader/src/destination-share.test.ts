// The slots of a destination, divided: nothing is lost, nothing given twice, and nobody is far from an equal share.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shareAmong, slotsOf } from './destination-share.ts';

/** A small linear congruential generator: the same draws in every run. */
function* draws(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state;
  }
}

const sharesOf = (destination: string, concurrency: number, replicas: number): number[] =>
  Array.from({ length: replicas }, (_, place) => slotsOf({ destination, concurrency }, { place, of: replicas }));

describe('the share of a destination', () => {
  it('gives every slot to exactly one replica, and no replica more than one slot above another', () => {
    const random = draws(7);
    for (let round = 0; round < 5_000; round++) {
      const destination = `pacs-${random.next().value as number}`;
      const concurrency = 1 + (((random.next().value as number) >>> 8) % 256);
      const replicas = 1 + (((random.next().value as number) >>> 8) % 12);
      const shares = sharesOf(destination, concurrency, replicas);
      assert.equal(
        shares.reduce((sum, share) => sum + share, 0),
        concurrency,
        `${destination}: ${concurrency} among ${replicas}`,
      );
      assert.ok(Math.max(...shares) - Math.min(...shares) <= 1, `${shares}`);
    }
  });

  it('is the slot by slot division that it stands for', () => {
    for (let replicas = 1; replicas <= 5; replicas++) {
      for (let concurrency = 1; concurrency <= 11; concurrency++) {
        const shares = sharesOf('cloud', concurrency, replicas);
        const counted = shares.map(() => 0);
        const owner = sharesOf('cloud', 1, replicas).indexOf(1);
        for (let slot = 0; slot < concurrency; slot++) counted[(owner + slot) % replicas]! += 1;
        assert.deepEqual(shares, counted);
      }
    }
  });

  it('leaves a destination with one slot to one replica, and different destinations to different ones', () => {
    const owners = Array.from({ length: 300 }, (_, n) => sharesOf(`archive-${n}`, 1, 3).indexOf(1));
    for (const place of [0, 1, 2]) {
      const owned = owners.filter((owner) => owner === place).length;
      assert.ok(owned > 60 && owned < 140, `replica ${place} owns ${owned} of 300`);
    }
  });

  it('follows the living replicas', () => {
    let living = ['a', 'self'];
    let told = 0;
    const listeners = new Set<() => void>();
    const onChange = (call: () => void) => {
      listeners.add(call);
      return { stop: () => void listeners.delete(call) };
    };
    const share = shareAmong({ self: 'self', living: () => living, onChange });
    share.onChange(() => void told++);
    assert.deepEqual([share.slots('cloud', 4), share.replicas()], [2, 2]);
    living = ['self'];
    for (const listener of listeners) listener();
    assert.deepEqual([share.slots('cloud', 4), share.replicas(), told], [4, 1, 1]);
  });
});
