// A short run with a fixed seed: what `npm run fuzz` does millions of times; and that each check of it can fail.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { conversations, dataSetCorpus } from './corpus.ts';
import { type Failure, fuzzing, KINDS, type MemorySample, runShare, type Share } from './fuzz-inputs.ts';
import { memoryChange } from './fuzz-report.ts';
import { completeDataSets } from './sent-messages.ts';

const INPUTS = { streams: 3000, 'data-sets': 1500 };

async function shortRun(share: Share, run = fuzzing(share.kind)): Promise<{ outcomes: Map<string, number>; failures: Failure[] }> {
  const failures: Failure[] = [];
  let outcomes = new Map<string, number>();
  const listener = {
    progressed: (_done: number, counted: ReadonlyMap<string, number>) => {
      outcomes = new Map(counted);
    },
    measured: () => {},
    failed: (failure: Failure) => failures.push(failure),
  };
  await runShare(share, listener, run);
  return { outcomes, failures };
}

/** What a run must have met, or it looked at nothing. */
const MET = {
  streams: [
    'stored',
    'C-STORE 0000',
    'C-STORE A900',
    'C-STORE C000',
    'C-STORE A700',
    'C-ECHO 0000',
    'released',
    'malformed-pdu',
    'connection-lost',
    'aborted-by-peer',
  ],
  'data-sets': ['scanned', 'refused by the scanner', 'coerced', 'held', 'not coerced: skipped', 'not coerced: the same'],
};

describe('fuzzing', () => {
  for (const kind of KINDS)
    it(`${INPUTS[kind]} ${kind} of a fixed seed: every check holds, and every kind of outcome is met`, async () => {
      const { outcomes, failures } = await shortRun({ kind, seed: 20_260_131, inputs: INPUTS[kind], first: 0, step: 1 });
      assert.deepEqual(failures, []);
      assert.deepEqual(
        MET[kind].filter((name) => !outcomes.has(name)),
        [],
        JSON.stringify([...outcomes]),
      );
    });

  it('is the same for the same seed, and other for another', async () => {
    const share = { kind: 'streams', inputs: 200, first: 0, step: 1 } as const;
    const [one, same, other] = [
      await shortRun({ ...share, seed: 1 }),
      await shortRun({ ...share, seed: 1 }),
      await shortRun({ ...share, seed: 2 }),
    ];
    const told = ({ outcomes }: typeof one): string => JSON.stringify([...outcomes].sort());
    assert.equal(told(one), told(same));
    assert.notEqual(told(one), told(other));
  });

  it('shares of several processes are the whole, each input once', async () => {
    const seen: number[] = [];
    const run = async (seed: number): Promise<string[]> => {
      seen.push(seed);
      return [];
    };
    for (const first of [0, 1, 2]) await shortRun({ kind: 'streams', seed: 1, inputs: 100, first, step: 3 }, run);
    assert.equal(new Set(seen).size, 100);
    assert.equal(seen.length, 100);
  });

  it('an input that fails is told with its number, and the others go on', async () => {
    let runs = 0;
    const run = async (): Promise<string[]> => {
      if (++runs === 5) throw new Error('a defect');
      return ['fine'];
    };
    const { outcomes, failures } = await shortRun({ kind: 'streams', seed: 1, inputs: 40, first: 0, step: 1 }, run);
    assert.deepEqual(
      failures.map(({ index }) => index),
      [4],
    );
    assert.deepEqual(
      [...outcomes],
      [
        ['fine', 39],
        ['failed', 1],
      ],
    );
  });
});

describe('what is checked', () => {
  it('valid conversations say exactly the data sets that they were made of; one that is cut off says fewer', () => {
    const digests = new Set(dataSetCorpus().map(({ bytes }) => createHash('sha256').update(bytes).digest('hex')));
    for (const pdus of conversations(dataSetCorpus())) {
      const said = completeDataSets(Buffer.concat(pdus));
      assert.ok(said.length > 0 && said.every((digest) => digests.has(digest)));
      const last = pdus.at(-2)!;
      assert.equal(completeDataSets(Buffer.concat([...pdus.slice(0, -2), last.subarray(0, last.length - 1)])).length, said.length - 1);
    }
  });

  it('memory that is held more and more is not flat; resident memory alone says nothing', () => {
    const sample = (held: number, resident = 1e8): MemorySample => ({ heap: held, external: 0, resident });
    const growing = Array.from({ length: 40 }, (_, at) => sample(2e7 + at * 2e6));
    assert.equal(memoryChange(growing)!.isFlat, false);
    assert.equal(memoryChange(Array.from({ length: 40 }, (_, at) => sample(2e7 + (at % 3) * 4e6, 1e8 + at * 1e7)))!.isFlat, true);
  });
});
