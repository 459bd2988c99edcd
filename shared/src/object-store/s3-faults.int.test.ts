// The S3 store on bad days, before a real S3 server: what is refused is not visible, what is stored is whole, and everything ends in time.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { newReceiptId, type ObjectKey, receivedKey } from '../brands.ts';
import { TransientError } from '../errors.ts';
import type { Fault, S3FaultProxy } from './s3-fault-proxy-for-tests.ts';
import { type FaultyS3, startFaultyS3 } from './s3-faulty-store-for-tests.ts';
import { placedBytes, readAll, sha256, writeAll } from './store-contract-for-tests.ts';

const MIB = 1024 * 1024;
/** One PUT from memory, one PUT from the spool, a multipart upload. */
const KINDS = { small: 300_000, spooled: 6 * MIB, 'in parts': 40 * MIB };
/** Bodies of objects: PUT of the whole, or of a part. */
const BODY = /^PUT \S+received/;
/** Of all tries together, on a busy machine. */
const LONGEST_MS = 30_000;

const once = (matching: RegExp, fault: Fault) => ({ matching, fault, times: 1 });
const always = (matching: RegExp, fault: Fault) => ({ matching, fault });

let s3: FaultyS3;
let proxy: S3FaultProxy;
let truth: FaultyS3['truth'];

before(async () => {
  s3 = await startFaultyS3({ keeps: 'memory' });
  ({ proxy, truth } = s3);
});
after(() => s3?.stop());
afterEach(() => proxy.behave());

async function put(key: ObjectKey, size: number): Promise<string> {
  const bytes = placedBytes(size);
  const upload = s3.store.create(key);
  await writeAll(upload, bytes);
  // As the receiver does: the digest is known at the end.
  upload.patch(100, Buffer.from('digest'));
  bytes.write('digest', 100);
  await upload.commit();
  return sha256(bytes);
}

/** Stored at last, whole and once. */
async function storedDespite(size: number): Promise<void> {
  const key = receivedKey(newReceiptId());
  const digest = await put(key, size);
  assert.equal(sha256(await readAll(await truth.get(key))), digest);
}

/** Refused in time, with a transient error that says so; nothing is visible then. Resolves with the error's words. */
async function refused(size: number): Promise<{ words: string; key: ObjectKey }> {
  const key = receivedKey(newReceiptId());
  const began = performance.now();
  const error = await put(key, size).then(
    () => assert.fail('it was stored'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof TransientError, String(error));
  assert.ok(performance.now() - began < LONGEST_MS, 'it took too long');
  assert.equal(await truth.stat(key), undefined);
  assert.ok(!`${error.message}${JSON.stringify(error)}${String(error.cause)}`.includes(s3.server.secretKey), 'no credential in errors');
  return { words: error.message, key };
}

async function until(what: string, look: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!(await look())) {
    assert.ok(performance.now() < deadline, `not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe('storing on bad days', () => {
  for (const [kind, size] of Object.entries(KINDS)) {
    const passing: Record<string, Fault> = {
      '503 SlowDown': { kind: 'answer', status: 503, code: 'SlowDown' },
      '500 InternalError': { kind: 'answer', status: 500, code: 'InternalError' },
      'a reset in the middle of the body': { kind: 'reset', afterBytes: 100_000 },
      'an answer that is lost after all was done': { kind: 'lose-answer' },
      'a byte altered on the way': { kind: 'alter' },
    };
    for (const [name, fault] of Object.entries(passing)) {
      it(`${kind}: is stored whole after ${name}`, async () => {
        proxy.behave(once(BODY, fault));
        await storedDespite(size);
      });
    }
    const lasting: Record<string, { fault: Fault; words: RegExp }> = {
      '503 SlowDown': { fault: { kind: 'answer', status: 503, code: 'SlowDown' }, words: /503 SlowDown/ },
      '500 InternalError': { fault: { kind: 'answer', status: 500, code: 'InternalError' }, words: /500 InternalError/ },
      '403 AccessDenied': { fault: { kind: 'answer', status: 403, code: 'AccessDenied' }, words: /403 AccessDenied$/ },
      'no answer': { fault: { kind: 'silent' }, words: /no answer in time/ },
      'resets in the middle of the body': { fault: { kind: 'reset', afterBytes: 100_000 }, words: /ECONNRESET|EPIPE|socket hang up/ },
      'bytes altered on the way': { fault: { kind: 'alter' }, words: /400 BadDigest/ },
      'a connection that only trickles': { fault: { kind: 'trickle', bytesPerSecond: 50_000 }, words: /no answer in time/ },
    };
    for (const [name, { fault, words }] of Object.entries(lasting)) {
      it(`${kind}: is refused in time, and leaves nothing, when there is always: ${name}`, async () => {
        proxy.behave(always(BODY, fault));
        assert.match((await refused(size)).words, words);
        proxy.behave();
        await until('no incomplete upload is left', async () => (await s3.incompleteUploads()) === 0);
      });
    }

    it(`${kind}: an object whose answer is always lost is refused, and taken away again`, async () => {
      proxy.behave(always(/^(PUT \S+received|POST \S+uploadId)/, { kind: 'lose-answer' }));
      const key = receivedKey(newReceiptId());
      await assert.rejects(put(key, size), TransientError);
      proxy.behave();
      await until('the object is gone', async () => (await truth.stat(key)) === undefined);
    });

    it(`${kind}: is refused at once while connections are refused, and the next one is stored`, async () => {
      await proxy.refuse();
      assert.match((await refused(size)).words, /ECONNREFUSED/);
      await proxy.listen();
      await storedDespite(size);
    });
  }
});

describe('a store that is slower than the network', () => {
  it('makes the writer wait: no more than 160 MiB of a large object are taken while nothing leaves', async () => {
    proxy.behave(always(BODY, { kind: 'silent' }));
    const upload = s3.store.create(receivedKey(newReceiptId()));
    let taken = 0;
    const chunk = Buffer.alloc(256 * 1024);
    await assert.rejects(async () => {
      for (; taken < 600 * MIB; taken += chunk.length) await upload.write(chunk);
    }, TransientError);
    assert.ok(taken > 32 * MIB && taken < 160 * MIB, `${taken} bytes were taken`);
    await upload.discard();
  });

  it('holds up nobody else: others are stored while one waits', async () => {
    proxy.behave({ matching: /partNumber=/, fault: { kind: 'silent' } });
    const stuck = s3.store.create(receivedKey(newReceiptId()));
    await writeAll(stuck, placedBytes(60 * MIB));
    for (const size of [KINDS.small, KINDS.spooled]) await storedDespite(size);
    await stuck.discard();
  });
});
