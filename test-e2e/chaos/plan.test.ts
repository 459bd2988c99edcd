// The plan of a chaos run: the same for a seed, bounded, and nothing is left out.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FORMS, KINDS } from './fault-kinds.ts';
import { excludes, lastingMs, type PlannedFault, planChaos, planLines, takesNatsServer } from './plan.ts';

const SEEDS = Array.from({ length: 50 }, (_, seed) => seed + 1);
const faultsOf = (seed: number, minutes: number): PlannedFault[] => planChaos({ seed, minutes }).storms.flatMap(({ faults }) => faults);
const lastAt = (fault: PlannedFault, moment: number): boolean => fault.atMs <= moment && moment < fault.atMs + lastingMs(fault);

describe('the plan of a chaos run', () => {
  it('is the same for the same seed and minutes, and another for another seed', () => {
    for (const seed of SEEDS) assert.deepEqual(planChaos({ seed, minutes: 12 }), planChaos({ seed, minutes: 12 }));
    const texts = new Set(SEEDS.map((seed) => planLines(planChaos({ seed, minutes: 2 })).join('\n')));
    assert.equal(texts.size, SEEDS.length);
  });

  it('has every kind of fault once before any has a second turn', () => {
    for (const seed of SEEDS) {
      const faults = faultsOf(seed, 12);
      assert.deepEqual(
        faults
          .slice(0, KINDS.length)
          .map(({ kind }) => kind)
          .sort(),
        [...KINDS].sort(),
      );
    }
  });

  it('never has more than two faults at a time, nor two that exclude each other', () => {
    for (const seed of SEEDS)
      for (const { faults, severe } of planChaos({ seed, minutes: 12 }).storms)
        for (const fault of faults) {
          const together = faults.filter((other) => lastAt(other, fault.atMs));
          assert.ok(together.length <= 2, `seed ${seed}, fault ${fault.number}: ${together.length} at a time`);
          const [one, other] = together;
          if (other) assert.equal(excludes(one!, other, severe), false, `seed ${seed}: ${one!.number} and ${other.number}`);
        }
  });

  it('leaves two of three nats-servers alone, except in a severe storm, of which there are some', () => {
    const together = SEEDS.flatMap((seed) =>
      planChaos({ seed, minutes: 12 }).storms.flatMap(({ faults, severe }) =>
        faults.flatMap((one) =>
          faults.filter((other) => other !== one && lastAt(other, one.atMs) && [one, other].every(takesNatsServer)).map(() => severe),
        ),
      ),
    );
    assert.ok(together.length > 0);
    assert.ok(together.every((severe) => severe));
  });

  it('keeps to the targets, variants and durations of each kind', () => {
    for (const seed of SEEDS)
      for (const { kind, target, variant, forMs } of faultsOf(seed, 12)) {
        const form = FORMS[kind];
        assert.ok(form.targets.includes(target));
        assert.equal(variant === undefined, form.variants === undefined);
        if (variant !== undefined) assert.ok(form.variants!.includes(variant));
        assert.ok(forMs >= form.forMs[0] && forMs <= form.forMs[1]);
      }
  });

  it('hits every target of every kind in the course of many seeds', () => {
    const hit = new Set(SEEDS.flatMap((seed) => faultsOf(seed, 60)).map(({ kind, target }) => `${kind} ${target}`));
    for (const kind of KINDS) for (const target of FORMS[kind].targets) assert.ok(hit.has(`${kind} ${target}`), `${kind} ${target}`);
  });
});
