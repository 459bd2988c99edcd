// Places, divided among the facilities of each lane.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lane } from '../events/instance.ts';
import { divideByWeight } from './facility-queues.ts';

const queue = (lane: Lane, facility: string) => ({ subject: `instance.ready.${lane}.${facility}`, lane, facility });
const weights: Record<string, number> = { heavy: 3, giant: 1000 };
const divide = divideByWeight({ stat: 32, routine: 32, prior: 8 }, (facility) => weights[facility] ?? 1);

describe('divideByWeight', () => {
  const cases: { title: string; queues: ReturnType<typeof queue>[]; expected: number[] }[] = [
    {
      title: 'leaves all places of a lane to a facility that is alone',
      queues: [queue('stat', 'a'), queue('prior', 'b')],
      expected: [32, 8],
    },
    { title: 'divides by weight', queues: [queue('routine', 'heavy'), queue('routine', 'a')], expected: [24, 8] },
    {
      title: 'divides each lane for itself',
      queues: [queue('routine', 'a'), queue('routine', 'b'), queue('stat', 'b')],
      expected: [16, 16, 32],
    },
    { title: 'leaves nobody without a place', queues: [queue('prior', 'giant'), queue('prior', 'a')], expected: [8, 1] },
    { title: 'has nothing to divide without work', queues: [], expected: [] },
  ];
  for (const { title, queues, expected } of cases) it(title, () => assert.deepEqual(divide(queues), expected));
});
