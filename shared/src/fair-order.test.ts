// Turns in proportion to weights, whatever the costs; no credit for idle times, no starvation.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FairOrder } from './fair-order.ts';

function randomDraws(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}

/** All have always something waiting; what each got after so many turns. */
function serve(weights: Readonly<Record<string, number>>, turns: number, costOf: (name: string) => number): Record<string, number> {
  const order = new FairOrder((name) => weights[name]!);
  const got = Object.fromEntries(Object.keys(weights).map((name) => [name, 0]));
  for (const name of Object.keys(weights)) order.begin(name);
  for (let turn = 0; turn < turns; turn++) {
    const name = order.next()!;
    const cost = costOf(name);
    order.charge(name, cost);
    got[name]! += cost;
  }
  return got;
}

describe('FairOrder', () => {
  it('has nobody to go first when nobody waits', () => {
    assert.equal(new FairOrder(() => 1).next(), undefined);
  });

  it('gives turns of one cost as the weights say', () => {
    const cases: { weights: Record<string, number>; turns: number; expected: Record<string, number> }[] = [
      { weights: { a: 1, b: 1 }, turns: 100, expected: { a: 50, b: 50 } },
      { weights: { a: 3, b: 1 }, turns: 100, expected: { a: 75, b: 25 } },
      { weights: { a: 1, b: 2, c: 5 }, turns: 80, expected: { a: 10, b: 20, c: 50 } },
      { weights: { a: 1000, b: 1 }, turns: 2002, expected: { a: 2000, b: 2 } },
      { weights: { only: 7 }, turns: 9, expected: { only: 9 } },
    ];
    for (const { weights, turns, expected } of cases)
      assert.deepEqual(
        serve(weights, turns, () => 1),
        expected,
      );
  });

  it('never lets anybody that waits fall behind its share by more than one turn of each', () => {
    const draw = randomDraws(11);
    for (let round = 0; round < 200; round++) {
      const names = Array.from({ length: 2 + draw(6) }, (_, n) => `f${n}`);
      const weights = Object.fromEntries(names.map((name) => [name, 1 + draw(9)]));
      const largest = 1 + draw(1_000);
      const got = serve(weights, 500, () => 1 + draw(largest));
      const shares = names.map((name) => got[name]! / weights[name]!);
      // SFQ: the difference of normalised service between two that always wait is at most the sum of their largest costs over their weights.
      const bound = 2 * Math.max(...names.map((name) => largest / weights[name]!));
      assert.ok(Math.max(...shares) - Math.min(...shares) <= bound, `round ${round}: ${shares} differ by more than ${bound}`);
    }
  });

  /** Who gets the turns of one cost. */
  function turnsOf(order: FairOrder, count: number): string[] {
    return Array.from({ length: count }, () => {
      const name = order.next()!;
      order.charge(name, 1);
      return name;
    });
  }
  const countOf = (turns: string[], name: string): number => turns.filter((turn) => turn === name).length;

  it('gives no credit for having been idle', () => {
    const order = new FairOrder(() => 1);
    order.begin('early');
    turnsOf(order, 10);
    order.end('early');
    order.begin('busy');
    turnsOf(order, 1_000);
    order.begin('late');
    order.begin('early');
    const turns = turnsOf(order, 30);
    for (const name of ['busy', 'late', 'early']) assert.ok(Math.abs(countOf(turns, name) - 10) <= 1, `${turns}`);
  });

  it('does not let anybody get ahead by stopping to wait after each turn', () => {
    const order = new FairOrder(() => 1);
    order.begin('steady');
    let hopping = 0;
    for (let turn = 0; turn < 100; turn++) {
      order.begin('hopping');
      const name = order.next()!;
      order.charge(name, name === 'hopping' ? 4 : 1);
      if (name === 'hopping') hopping += 1;
      order.end('hopping');
    }
    assert.ok(Math.abs(hopping - 20) <= 1, `${hopping} turns of cost 4 among 100`);
  });

  it('keeps the turn of one that is passed over', () => {
    const order = new FairOrder(() => 1);
    for (const name of ['a', 'b', 'c']) order.begin(name);
    for (let turn = 0; turn < 10; turn++) order.charge(order.next(new Set(['b']))!, 1);
    assert.deepEqual(turnsOf(order, 6), ['b', 'b', 'b', 'b', 'b', 'a']);
    assert.equal(order.next(new Set(['a', 'b', 'c'])), undefined);
  });

  it('takes a changed weight from the next turn on', () => {
    let weight = 1;
    const order = new FairOrder((name) => (name === 'a' ? weight : 1));
    for (const name of ['a', 'b']) order.begin(name);
    assert.equal(countOf(turnsOf(order, 40), 'a'), 20);
    weight = 3;
    assert.ok(Math.abs(countOf(turnsOf(order, 40), 'a') - 30) <= 1);
  });
});
