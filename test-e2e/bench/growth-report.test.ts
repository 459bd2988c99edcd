// What the tables about growth say: figures by number of replicas, and what limits.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kindOf } from './footprint.ts';
import type { GrowthRow } from './growth.ts';
import { growthLine, growthTable } from './growth-report.ts';

const row = (replicas: number, over: Partial<GrowthRow> = {}): GrowthRow => ({
  ...{ replicas, rate: 80, busy: 0.98, perInstance: { receiver: 3, ledger: 2, S3: 0 }, atRest: { receiver: 4, ledger: 6, S3: 0 } },
  ...over,
});

describe('the tables about growth', () => {
  it('have a column for each number of replicas, and leave out what costs nothing', () => {
    const lines = growthTable([row(1), row(4, { perInstance: { receiver: 3.5, ledger: 2, S3: 0 } })]).split('\n');
    assert.match(lines[0]!, /replicas of each service *\| 1 +\| 4/);
    assert.ok(lines.some((line) => /together, ms an instance *\| 5\.0 +\| 5\.5/.test(line)));
    assert.ok(!lines.some((line) => line.includes('S3')));
  });

  it('say that the processors limit only where they are used up', () => {
    assert.match(
      growthLine([row(1), row(4)], 2),
      /1\.00x the instances a second, 1\.00x the processor time.*the 2 processors of this machine limit/,
    );
    assert.match(growthLine([row(1), row(4, { busy: 0.5, rate: 160 })], 2), /2\.00x the instances a second.*not used up/);
  });

  it('tell requests of S3 apart by what they are about', () => {
    assert.equal(kindOf('PUT /bench/received/2026/01/31/0190.dcm?x-id=PutObject'), 'PUT received');
    assert.equal(kindOf('GET /bench?list-type=2&prefix=received%2F'), 'GET (bucket)');
  });
});
