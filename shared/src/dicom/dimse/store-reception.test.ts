// The guard of a sink: end or abort, never both, never twice, and no success after a failed write.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DataSetSink, DimseStatus } from './scp.ts';
import { StoreReception } from './store-reception.ts';

function reception(sink: Partial<DataSetSink>) {
  const calls: string[] = [];
  const reports: string[] = [];
  const whole: DataSetSink = {
    write: (chunk) => {
      calls.push(`write ${chunk}`);
      return sink.write?.(chunk);
    },
    end: async () => {
      calls.push('end');
      return (await sink.end?.()) ?? { status: 0 };
    },
    abort: (reason) => {
      calls.push(`abort ${reason.message}`);
      sink.abort?.(reason);
    },
  };
  return { calls, reports, one: new StoreReception(whole, (what, error) => reports.push(`${what}: ${error}`)) };
}

const CHUNK = Buffer.from('x');

test('abort after end and end after abort do not reach the sink', async () => {
  const ended = reception({});
  await ended.one.end();
  ended.one.abort(new Error('late'));
  assert.deepEqual(ended.calls, ['end']);
  const aborted = reception({});
  aborted.one.abort(new Error('lost'));
  aborted.one.abort(new Error('again'));
  assert.equal(await aborted.one.end(), undefined);
  assert.equal(aborted.one.write(CHUNK), undefined);
  assert.deepEqual(aborted.calls, ['abort lost']);
});

test('abort while end is under way does not reach the sink, and end still answers', async () => {
  const release = Promise.withResolvers<DimseStatus>();
  const { one, calls } = reception({ end: () => release.promise });
  const answer = one.end();
  await Promise.resolve();
  one.abort(new Error('lost'));
  release.resolve({ status: 0xb000 });
  assert.deepEqual(await answer, { status: 0xb000 });
  assert.deepEqual(calls, ['end']);
});

test('end waits for the pending write; an abort in between wins', async () => {
  const written = Promise.withResolvers<void>();
  const { one, calls } = reception({ write: () => written.promise });
  one.write(CHUNK);
  const answer = one.end();
  one.abort(new Error('lost'));
  written.resolve();
  assert.equal(await answer, undefined);
  assert.deepEqual(calls, ['write x', 'abort lost']);
});

for (const [name, write] of [
  ['throws', () => assert.fail('disk')],
  ['rejects', () => Promise.reject(new Error('disk'))],
] as const) {
  test(`after a write that ${name} the rest is dropped and end decides on the status`, async () => {
    const { one, calls, reports } = reception({ write, end: async () => ({ status: 0xc000 }) });
    await one.write(CHUNK);
    assert.equal(one.write(CHUNK), undefined);
    assert.deepEqual(await one.end(), { status: 0xc000 });
    assert.deepEqual(calls, ['write x', 'end']);
    assert.equal(reports.length, 1);
  });

  for (const claimed of [0, 0xb000, 0xb007]) {
    test(`after a write that ${name} a status of ${claimed.toString(16)} is not believed`, async () => {
      const { one } = reception({ write, end: async () => ({ status: claimed }) });
      await one.write(CHUNK);
      assert.equal((await one.end())?.status, 0xa700);
    });
  }
}

test('a sink whose end rejects is answered with A700, and one whose abort throws harms nobody', async () => {
  const failing = reception({ end: () => Promise.reject(new Error('bug')) });
  assert.equal((await failing.one.end())?.status, 0xa700);
  const throwing = reception({ abort: () => assert.fail('bug') });
  throwing.one.abort(new Error('lost'));
  assert.equal(failing.reports.length + throwing.reports.length, 2);
});
