// The order of system calls before each 0000: what a power cut at any moment leaves is decided here.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CUSTODY_BYTES, CUSTODY_CALLS, custodyOrderOf } from './custody-order.ts';
import { type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { SteadyLoad } from './steady-load.ts';
import { attachStrace } from './strace.ts';
import { until } from './wait-for-fact.ts';

/** Enough that directory syncs serve several renames each. */
const ASSOCIATIONS = 4;
const ANSWERS = 150;

describe('before each 0000', () => {
  let receiver: ReceiverUnderTest;
  let lines: string[];

  before(async () => {
    receiver = await startReceiver();
    const trace = await attachStrace(receiver.pid, { calls: CUSTODY_CALLS, more: CUSTODY_BYTES });
    const small = new SteadyLoad({ port: receiver.port, associations: ASSOCIATIONS, seed: 1 });
    // Above 1 MiB an object is written while it arrives.
    const large = new SteadyLoad({ port: receiver.port, associations: 1, seed: 2, side: 800 });
    await until(`${ANSWERS} answers`, () => small.accepted.length >= ANSWERS && large.accepted.length >= 3);
    await Promise.all([small.stop(), large.stop()]);
    lines = trace.lines();
    await trace.stop();
  });
  after(() => receiver?.stop());

  it('the data is synced, then renamed, then its directory synced, then its event published and acknowledged', () => {
    const { answers, directorySyncs, violations } = custodyOrderOf(lines);
    console.log(`${answers} answers 0000, resting on ${directorySyncs} directory syncs: ${violations.length} out of order`);
    assert.deepEqual(violations, []);
    assert.ok(answers >= ANSWERS, `${answers} answers were seen`);
  });

  const steps = { 'sync of the data': /fdatasync/, rename: /rename/, 'sync of the directory': /\bfsync/, acknowledgement: /\bread/ };
  for (const [step, calls] of Object.entries(steps))
    it(`and this test would see it if the ${step} were not made`, () => {
      const { answers, violations } = custodyOrderOf(lines.filter((line) => !calls.test(line.slice(0, 100))));
      assert.equal(violations.length, answers);
    });
});
