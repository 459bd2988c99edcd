// The S3 store on further bad days: at the end of a large object, while it is read, listed or probed, with a full disk for its spool, and with a server that dies.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { newReceiptId, receivedKey } from '../brands.ts';
import { ObjectMissing, TransientError } from '../errors.ts';
import { type FaultyS3, SHORT_PACE, startFaultyS3 } from './s3-faulty-store-for-tests.ts';
import { placedBytes, readAll, sha256, storeObject, writeAll } from './store-contract-for-tests.ts';

const MIB = 1024 * 1024;
const COMPLETE = /^POST \S+uploadId=/;
const BEGIN = /^POST \S+uploads/;
const GET = /^GET \S+received/;
const DELETE = /^DELETE /;
const answer = (status: number, code: string) => ({ kind: 'answer', status, code }) as const;

let s3: FaultyS3;
before(async () => {
  s3 = await startFaultyS3({ keeps: 'memory' });
});
after(() => s3?.stop());
afterEach(() => s3.proxy.behave());

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await look())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function upload(size: number) {
  const key = receivedKey(newReceiptId());
  const opened = s3.store.create(key);
  await writeAll(opened, placedBytes(size));
  return { key, opened };
}

const large = placedBytes(40 * MIB);

describe('the end of a large object', () => {
  it('is reached although joining its parts answers 200 with an error once', async () => {
    s3.proxy.behave({ matching: COMPLETE, fault: answer(200, 'InternalError'), times: 1 });
    const key = await storeObject(s3.store, large);
    assert.equal(sha256(await readAll(await s3.truth.get(key))), sha256(large));
  });

  it('is not reached while joining its parts answers 200 with an error: refused, and the parts are removed', async () => {
    s3.proxy.behave({ matching: COMPLETE, fault: answer(200, 'InternalError') });
    const { key, opened } = await upload(40 * MIB);
    await assert.rejects(opened.commit(), (error) => error instanceof TransientError && /complete .*InternalError/.test(error.message));
    assert.equal(await s3.truth.stat(key), undefined);
    await until('the parts are removed', async () => (await s3.incompleteUploads()) === 0);
  });

  it('is reached although the answer to the joining was lost, and the next try finds no upload', async () => {
    // Ceph would join again; others answer as here.
    const next = { matching: COMPLETE, fault: answer(404, 'NoSuchUpload') };
    s3.proxy.behave({ matching: COMPLETE, fault: { kind: 'lose-answer' }, times: 1 }, next);
    const key = await storeObject(s3.store, large);
    assert.equal(sha256(await readAll(await s3.truth.get(key))), sha256(large));
  });

  for (const [what, fault] of Object.entries({
    'is told not to be there': answer(404, 'NotFound'),
    'cannot be looked at': answer(503, 'SlowDown'),
  }))
    it(`is refused, and taken away again, when what was joined ${what}`, async () => {
      s3.proxy.behave({ matching: /^HEAD \S+received/, fault });
      const { key, opened } = await upload(40 * MIB);
      await assert.rejects(opened.commit(), TransientError);
      s3.proxy.behave();
      await until('the object is gone', async () => (await s3.truth.stat(key)) === undefined);
    });

  it('is refused when the upload cannot even be begun', async () => {
    s3.proxy.behave({ matching: BEGIN, fault: answer(503, 'SlowDown') });
    const { key, opened } = await upload(30 * MIB);
    await assert.rejects(
      writeAll(opened, placedBytes(10 * MIB)).then(() => opened.commit()),
      TransientError,
    );
    await opened.discard();
    assert.equal(await s3.truth.stat(key), undefined);
  });

  it('leaves parts behind when they cannot be removed, and a later sweep removes them, but none of an upload that is younger', async () => {
    s3.proxy.behave({ matching: DELETE, fault: answer(403, 'AccessDenied') });
    const store = await s3.open();
    const opened = store.create(receivedKey(newReceiptId()));
    await writeAll(opened, large);
    await until('the upload is begun', async () => (await s3.incompleteUploads()) === 1);
    await opened.discard();
    await store.close();
    assert.equal(await s3.incompleteUploads(), 1);
    assert.ok(s3.problems.some((problem) => /left to the sweeps: received.*403 AccessDenied/.test(problem)));
    s3.proxy.behave();
    assert.equal(await s3.store.sweepIncomplete(new Date(Date.now() - 3_600_000)), 0);
    assert.equal(await s3.incompleteUploads(), 1);
    assert.equal(await s3.store.sweepIncomplete(new Date(Date.now() + 60_000)), 1);
    assert.equal(await s3.incompleteUploads(), 0);
  });
});

describe('reading on bad days', () => {
  it('gives every byte although the connection is cut again and again', async () => {
    const key = await storeObject(s3.truth, large);
    for (const fault of [
      { kind: 'cut-answer', afterBytes: 5 * MIB },
      { kind: 'stall-answer', afterBytes: 15 * MIB },
    ] as const) {
      s3.proxy.behave({ matching: GET, fault });
      assert.equal(sha256(await readAll(await s3.store.get(key))), sha256(large), fault.kind);
      const range = { start: 3, end: 31 * MIB };
      assert.equal(sha256(await readAll(await s3.store.get(key, range))), sha256(large.subarray(3, 31 * MIB)), `${fault.kind}, a range`);
    }
  });

  it('is not cut by the time limit of one request: a slow reader has all of it from one answer', async () => {
    const key = await storeObject(s3.truth, large);
    // Had a second request been needed, it would have been refused.
    const refused = answer(403, 'AccessDenied');
    s3.proxy.behave(
      { matching: GET, fault: { kind: 'cut-answer', afterBytes: large.length + MIB }, times: 1 },
      { matching: GET, fault: refused },
    );
    const stream = await s3.store.get(key);
    await new Promise((resolve) => setTimeout(resolve, 2 * SHORT_PACE.answerMs));
    assert.equal(sha256(await readAll(stream)), sha256(large));
  });

  it('fails, and does not end early, when not a byte comes any more', async () => {
    const key = await storeObject(s3.truth, large);
    for (const kind of ['cut-answer', 'stall-answer'] as const) {
      s3.proxy.behave({ matching: GET, fault: { kind, afterBytes: 2 * MIB }, times: 1 }, { matching: GET, fault: { kind, afterBytes: 0 } });
      await assert.rejects(readAll(await s3.store.get(key)), TransientError);
    }
  });

  it('tells apart what is missing and what cannot be reached', async () => {
    const key = await storeObject(s3.truth, Buffer.from('x'));
    const missing = receivedKey(newReceiptId());
    for (const fault of [answer(503, 'SlowDown'), answer(403, 'AccessDenied'), { kind: 'silent' } as const]) {
      s3.proxy.behave({ matching: /received/, fault });
      const asked = [key, missing].flatMap((one) => [s3.store.get(one), s3.store.stat(one), s3.store.delete(one)]);
      for (const outcome of await Promise.allSettled([...asked, Array.fromAsync(s3.store.list('received/'))]))
        assert.ok(outcome.status === 'rejected' && outcome.reason instanceof TransientError);
    }
    s3.proxy.behave();
    await assert.rejects(s3.store.get(missing), ObjectMissing);
    assert.equal(await s3.store.stat(missing), undefined);
  });

  it('never takes the objects of a bucket that is missing for gone', async () => {
    s3.proxy.behave({ matching: /received/, fault: answer(404, 'NoSuchBucket') }, { matching: /^HEAD/, fault: answer(404, 'NotFound') });
    const key = receivedKey(newReceiptId());
    await assert.rejects(s3.store.stat(key), TransientError);
    await assert.rejects(s3.store.get(key), TransientError);
    await assert.rejects(Array.fromAsync(s3.store.list('received/')), TransientError);
  });

  it('leaves no connection behind when its reader goes away', async () => {
    const key = await storeObject(s3.truth, large);
    const store = await s3.open();
    const before = s3.proxy.openConnections();
    for (let n = 0; n < 30; n++) for await (const _ of await store.get(key)) break;
    await store.close();
    await until('no more connections', async () => s3.proxy.openConnections() <= before);
  });
});

describe('being asked on bad days', () => {
  it('a probe tells within 2.5 s, before a balancer gives up, why objects cannot be taken', async () => {
    for (const [fault, words] of [
      [answer(403, 'AccessDenied'), /403 AccessDenied/],
      [answer(507, 'XMinioStorageFull'), /507 XMinioStorageFull/],
      [{ kind: 'silent' } as const, /no answer in time/],
    ] as const) {
      s3.proxy.behave({ matching: /probe/, fault });
      const began = performance.now();
      await assert.rejects(s3.store.probe(), (error) => error instanceof TransientError && words.test(error.message));
      assert.ok(performance.now() - began < 2_500);
    }
    s3.proxy.behave();
    await s3.store.probe();
  });

  it('a store that is not there yet is waited for, and said', async () => {
    await s3.proxy.refuse();
    const told = Promise.withResolvers<string>();
    const opening = s3.open({ report: told.resolve });
    assert.match(await told.promise, /waiting for the bucket faults: .*ECONNREFUSED/);
    await s3.proxy.listen();
    const store = await opening;
    await store.probe();
    await store.close();
  });
});

describe('the spool', () => {
  it('an upload is refused, and the process goes on, when its folder is gone', async () => {
    const spoolFolder = join(s3.spoolFolder, 'gone');
    const store = await s3.open({ spoolFolder });
    await rm(spoolFolder, { recursive: true });
    const opened = store.create(receivedKey(newReceiptId()));
    await assert.rejects(
      writeAll(opened, large).then(() => opened.commit()),
      (error) => error instanceof TransientError && /spool folder failed \(ENOENT\)/.test(error.message),
    );
    await opened.discard();
    await storeObject(store, Buffer.from('a small one needs none'));
    await store.close();
  });
});
