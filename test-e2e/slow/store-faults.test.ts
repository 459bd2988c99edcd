// An object store that fails, fills up, is slow, or hangs for ever: the right answer in time, nothing half-written, no object that nobody was told of, and custody
// goes on by itself when the fault has passed. Faults are injected into the system calls of the real receiver.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { auditCustody, type CustodyView, halfWrittenFiles } from '../src/custody-audit.ts';
import { LoopDisk } from '../src/loop-disk.ts';
import { type ReceiverOptions, type ReceiverUnderTest, startReceiver } from '../src/receiver-under-test.ts';
import { SmallDisk } from '../src/small-disk.ts';
import { SteadyLoad } from '../src/steady-load.ts';
import { attachStrace, type Trace } from '../src/strace.ts';
import { systemCalls } from '../src/system-calls.ts';
import { until } from '../src/wait-for-fact.ts';

const OUT_OF_RESOURCES = 0xa700;
const QUICK_CUSTODY = { limits: { custody: '2s' } };
const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'needs root: it mounts file systems';
if (skip) console.log(`skipped in part: ${skip}`);

const cleanUps: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: ReceiverOptions = {}): Promise<ReceiverUnderTest> {
  const receiver = await startReceiver(options);
  cleanUps.push(() => receiver.stop());
  return receiver;
}

function load({ port }: ReceiverUnderTest, more: { side?: number; seed?: number } = {}): SteadyLoad {
  const sending = new SteadyLoad({ port, associations: 4, seed: 1, ...more });
  cleanUps.push(() => sending.stop());
  return sending;
}

async function inject(receiver: ReceiverUnderTest, calls: string, what: string): Promise<Trace> {
  const trace = await attachStrace(receiver.pid, { calls, inject: `${calls}:${what}` });
  cleanUps.push(() => trace.stop());
  return trace;
}

/** It goes on by itself. */
async function accepts(sending: SteadyLoad, more = 20): Promise<void> {
  const before = sending.accepted.length;
  await until(`${more} more instances are accepted`, () => sending.accepted.length >= before + more);
}

/** After a fault with definite outcomes: exactly what was accepted is there, each refusal was A700, and nothing else stayed. */
async function assertOnlyAccepted(receiver: ReceiverUnderTest, loads: readonly SteadyLoad[]): Promise<CustodyView> {
  const accepted = loads.flatMap((each) => each.accepted);
  const refused = loads.flatMap((each) => each.refused);
  assert.deepEqual([...new Set(refused.map(({ status }) => status))], refused.length > 0 ? [OUT_OF_RESOURCES] : []);
  const view = await auditCustody(receiver.bus, receiver.objects, accepted);
  console.log(
    `${accepted.length} accepted, ${refused.length} refused (${refused[0]?.comment}), ${view.objects.size} objects, ${view.orphans.length} orphans`,
  );
  assert.deepEqual(view.orphans, []);
  assert.equal(view.objects.size, accepted.length);
  assert.deepEqual(await halfWrittenFiles(receiver.objects), []);
  return view;
}

const FAILURES = [
  { step: 'the sync of the data', calls: 'fdatasync', error: 'EIO' },
  { step: 'the rename', calls: 'rename', error: 'EIO' },
  { step: 'the sync of the directory', calls: 'fsync', error: 'EIO' },
  { step: 'a write', calls: 'pwritev,pwrite64', error: 'EIO' },
  { step: 'a write', calls: 'pwritev,pwrite64', error: 'ENOSPC' },
  { step: 'the sync of the data', calls: 'fdatasync', error: 'EDQUOT' },
];

describe('an object folder that fails', () => {
  for (const { step, calls, error } of FAILURES)
    it(`${error} at ${step}: A700, and what was accepted before and after is all there is`, async () => {
      const receiver = await start();
      const trace = await inject(receiver, calls, `error=${error}:when=1`);
      const sending = load(receiver);
      await until('an instance is refused', () => sending.refused.length > 0);
      await accepts(sending);
      await sending.stop();
      await assertOnlyAccepted(receiver, [sending]);
      assert.ok(
        trace.lines().some((line) => line.includes(error)),
        'the fault was met',
      );
    });

  it('never takes data whose sync failed for good: that file is neither synced again nor renamed', async () => {
    const receiver = await start();
    const calls = 'fdatasync,rename';
    const trace = await attachStrace(receiver.pid, { calls, inject: 'fdatasync:error=EIO:when=1' });
    cleanUps.push(() => trace.stop());
    const sending = load(receiver);
    await until('an instance is refused', () => sending.refused.length > 0);
    await accepts(sending);
    await sending.stop();
    const seen = systemCalls(trace.lines());
    const failed = seen.filter(({ name, result }) => name === 'fdatasync' && result?.includes('EIO'));
    const paths = new Set(failed.map((call) => /<(.*)>/.exec(call.arguments)![1]!));
    const again = seen.filter((call) => [...paths].some((path) => call.arguments.includes(path)) && !failed.includes(call));
    assert.deepEqual(again, []);
    assert.ok(
      seen.some(({ name, result }) => name === 'rename' && result === '0'),
      'others were renamed',
    );
    console.log(`${paths.size} files whose sync failed were left; ${sending.accepted.length} instances accepted`);
  });

  it('that is full to the last byte refuses, and keeps nothing of what it refused', { skip }, async () => {
    const disk = new SmallDisk(12);
    cleanUps.push(() => disk.remove());
    const receiver = await start({ objects: join(disk.folder, 'objects'), document: { admission: { freeSpaceBelow: '1KiB' } } });
    const sending = [load(receiver), load(receiver, { side: 800, seed: 2 })];
    await until('instances are refused', () => sending.every(({ refused }) => refused.length >= 4));
    await Promise.all(sending.map((each) => each.stop()));
    await assertOnlyAccepted(receiver, sending);
  });
});

describe('an object folder that is slow', () => {
  it('makes senders wait, and everything is accepted at once', async () => {
    const receiver = await start();
    await inject(receiver, 'fdatasync', 'delay_enter=300000');
    const sending = load(receiver);
    await accepts(sending);
    await sending.stop();
    await assertOnlyAccepted(receiver, [sending]);
    assert.equal(sending.refused.length, 0);
  });

  it('longer than limits.custody: A700 while it still works, and the late objects are taken away', async () => {
    const receiver = await start({ document: QUICK_CUSTODY });
    const trace = await inject(receiver, 'fdatasync', 'delay_enter=8000000:when=1');
    const sending = load(receiver);
    await until('instances are refused', () => sending.refused.length >= 4);
    const synced = systemCalls(trace.lines()).filter(({ result }) => result !== undefined);
    assert.deepEqual(synced, [], 'answered before the disk did');
    await accepts(sending);
    await sending.stop();
    const takenBack = () => receiver.log().split('stored too late, and taken away again').length - 1;
    await until('every late object is taken away', () => takenBack() === sending.refused.length);
    await assertOnlyAccepted(receiver, [sending]);
  });
});

describe('an object folder that hangs', { skip }, () => {
  it('A700 within limits.custody for small and large objects, the process lives, and custody goes on when it answers again', async () => {
    const disk = new LoopDisk(256);
    cleanUps.push(() => disk.remove());
    const receiver = await start({
      objects: join(disk.folder, 'objects'),
      document: { ...QUICK_CUSTODY, admission: { freeSpaceBelow: '1KiB' } },
    });
    const sending = [load(receiver), load(receiver, { side: 1200, seed: 2 })];
    await Promise.all(sending.map((each) => accepts(each)));
    disk.freeze();
    try {
      await until('instances are refused', () => sending.every(({ refused }) => refused.length >= 4));
      assert.ok((await fetch(`${receiver.opsUrl}/health/live`, { signal: AbortSignal.timeout(5_000) })).ok);
    } finally {
      disk.thaw();
    }
    await Promise.all(sending.map((each) => accepts(each)));
    await Promise.all(sending.map((each) => each.stop()));
    await receiver.untilReady();
    await until('nothing is being written', async () => (await halfWrittenFiles(receiver.objects)).length === 0);
    await assertOnlyAccepted(receiver, sending);
  });
});
