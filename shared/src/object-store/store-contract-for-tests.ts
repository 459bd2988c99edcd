// What every object store owes its users: the same tests run against a folder and against a real S3 server.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { newReceiptId, objectKey, receivedKey } from '../brands.ts';
import { ObjectMissing } from '../errors.ts';
import { BLOCK_BYTES } from './block-pool.ts';
import type { ObjectStore, ObjectUpload } from './object-store.ts';

export interface StoreUnderTest {
  readonly store: ObjectStore;
  close(): Promise<void>;
}

const MIB = 1024 * 1024;
/** Of S3, where its adapter changes its ways: memory, spool, parts. */
const BORDERS = [4 * MIB, 16 * MIB, 32 * MIB, 48 * MIB];
const SIZES = [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, ...BORDERS.flatMap((size) => [size - 1, size, size + 1]), 64 * MIB];
/** Prime, so that no border of ours falls on one of its. */
const CHUNK = 50_021;

/** Bytes that tell their place: a shift, a swap or a repeat of a part is seen. */
export function placedBytes(size: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
  return bytes;
}

export async function writeAll(upload: ObjectUpload, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; at += CHUNK) await upload.write(bytes.subarray(at, at + CHUNK));
}

export async function storeObject(store: ObjectStore, bytes: Buffer, key = receivedKey(newReceiptId())) {
  const upload = store.create(key);
  await writeAll(upload, bytes);
  assert.deepEqual(await upload.commit(), { size: bytes.length });
  return key;
}

export const readAll = async (stream: AsyncIterable<Buffer>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(stream));

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const keysUnder = async (store: ObjectStore, prefix: string) => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key);

const CONTRACT: Record<string, (store: ObjectStore) => Promise<void>> = {
  'gives back every object byte for byte, whatever its size': async (store) => {
    for (const size of SIZES) {
      const bytes = placedBytes(size);
      const key = await storeObject(store, bytes);
      assert.equal((await store.stat(key))?.size, size);
      assert.equal(sha256(await readAll(await store.get(key))), sha256(bytes), `${size} bytes`);
      await store.delete(key);
    }
  },

  'changes bytes already written wherever they lie, before the commit': async (store) => {
    for (const size of [1_000, 3 * MIB, 20 * MIB, 70 * MIB]) {
      const key = receivedKey(newReceiptId());
      const bytes = placedBytes(size);
      const upload = store.create(key);
      await writeAll(upload, bytes);
      for (const position of [10, Math.floor(size / 2), size - 9]) {
        upload.patch(position, Buffer.from('patched!'));
        bytes.write('patched!', position);
      }
      await upload.commit();
      assert.equal(sha256(await readAll(await store.get(key))), sha256(bytes), `${size} bytes`);
      await store.delete(key);
    }
  },

  'keeps order and content of chunks that were written without waiting': async (store) => {
    const key = receivedKey(newReceiptId());
    const upload = store.create(key);
    const bytes = placedBytes(40 * MIB);
    const waits: (Promise<void> | undefined)[] = [];
    for (let at = 0; at < bytes.length; at += CHUNK) waits.push(upload.write(bytes.subarray(at, at + CHUNK)));
    await Promise.all(waits);
    await upload.commit();
    assert.equal(sha256(await readAll(await store.get(key))), sha256(bytes));
  },

  'has taken a copy when write returns': async (store) => {
    const key = receivedKey(newReceiptId());
    const upload = store.create(key);
    const chunk = Buffer.from('before');
    const written = upload.write(chunk);
    chunk.write('after!');
    await written;
    await upload.commit();
    assert.equal((await readAll(await store.get(key))).toString(), 'before');
  },

  'shows nothing of an object before its commit, and nothing at all after discard': async (store) => {
    for (const size of [0, 100, 6 * MIB, 70 * MIB]) {
      const key = receivedKey(newReceiptId());
      const upload = store.create(key);
      await writeAll(upload, placedBytes(size));
      assert.equal(await store.stat(key), undefined);
      await assert.rejects(store.get(key), ObjectMissing);
      await upload.discard();
      assert.equal(await store.stat(key), undefined);
      assert.ok(!(await keysUnder(store, key.slice(0, 'received/yyyy/mm/dd/'.length))).includes(key));
    }
  },

  'stores many at once, each with its own bytes': async (store) => {
    const objects = Array.from({ length: 60 }, (_, n) => Buffer.concat([Buffer.from(`object ${n}`), placedBytes(300_000 + n * 1_000)]));
    const keys = await Promise.all(objects.map((bytes) => storeObject(store, bytes)));
    for (const [n, key] of keys.entries()) assert.ok((await readAll(await store.get(key))).equals(objects[n]!), `object ${n}`);
    await Promise.all(keys.map((key) => store.delete(key)));
  },

  'reads any range, to the end without an end, and nothing beyond the end': async (store) => {
    const bytes = placedBytes(5 * MIB);
    const key = await storeObject(store, bytes);
    const ranges = [{ start: 0, end: 1 }, { start: 0 }, { start: 132, end: 200_000 }, { start: 5 * MIB - 1 }, { start: 7, end: 7 }];
    for (const range of [...ranges, { start: 5 * MIB }, { start: 5 * MIB - 3, end: 9 * MIB }])
      assert.ok((await readAll(await store.get(key, range))).equals(bytes.subarray(range.start, range.end)), JSON.stringify(range));
  },

  'lets a reader stop in the middle': async (store) => {
    const key = await storeObject(store, placedBytes(20 * MIB));
    for (let n = 0; n < 20; n++) {
      for await (const chunk of await store.get(key)) {
        assert.ok(chunk.length > 0);
        break;
      }
    }
    assert.equal((await readAll(await store.get(key, { start: 20 * MIB - 10 }))).length, 10);
  },

  'lists by prefix in order of keys, page by page, without what is still arriving': async (store) => {
    const study = 'c'.repeat(32);
    const names = Array.from({ length: 1_050 }, (_, n) => `${String(n).padStart(5, '0')}-1.dcm`);
    const keys = ['src', 'src-2'].flatMap((source) =>
      (source === 'src' ? names : names.slice(0, 3)).map((name) => objectKey(`retrieved/${source}/${study}/${name}`)),
    );
    for (let at = 0; at < keys.length; at += 50)
      await Promise.all(keys.slice(at, at + 50).map((key) => storeObject(store, Buffer.from('x'), key)));
    const arriving = store.create(objectKey(`retrieved/src/${study}/arriving-1.dcm`));
    await writeAll(arriving, placedBytes(40 * MIB));
    assert.deepEqual(await keysUnder(store, 'retrieved/'), [...keys].sort());
    assert.deepEqual(await keysUnder(store, `retrieved/src/${study}/0000`), keys.slice(0, 10));
    assert.deepEqual(await keysUnder(store, 'retrieved/srx'), []);
    await arriving.discard();
  },

  'tells size and time of what it lists, as stat does': async (store) => {
    const began = Date.now();
    const key = await storeObject(store, placedBytes(1_234));
    const listed = (await Array.fromAsync(store.list(key)))[0]!;
    const stat = (await store.stat(key))!;
    assert.deepEqual([listed.key, listed.size, stat.size], [key, 1_234, 1_234]);
    for (const { modifiedAt } of [listed, stat]) assert.ok(Math.abs(modifiedAt.getTime() - began) < 10_000);
  },

  'says what is missing, and deletes what is there and what is not': async (store) => {
    const key = await storeObject(store, Buffer.from('x'));
    await store.delete(key);
    await store.delete(key);
    assert.equal(await store.stat(key), undefined);
    await assert.rejects(store.get(key), ObjectMissing);
    await assert.rejects(store.get(key, { start: 3, end: 3 }), ObjectMissing);
  },

  'refuses to change or to write what is committed': async (store) => {
    const upload = store.create(receivedKey(newReceiptId()));
    await upload.write(Buffer.from('x'));
    assert.throws(() => upload.patch(1, Buffer.from('y')), /beyond the 1 bytes/);
    await upload.commit();
    assert.throws(() => upload.write(Buffer.from('y')), /after the end/);
  },

  'takes a probe, and leaves nothing of it to be listed': async (store) => {
    const before = (await keysUnder(store, '')).length;
    await store.probe();
    assert.equal((await keysUnder(store, '')).length, before);
    const { free, total } = await store.freeBytes!();
    assert.ok(free > 0 && free <= total);
  },
};

/** `open` is called once, for an empty store. */
export function describeStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`the contract of an object store: ${name}`, () => {
    let opened: StoreUnderTest;
    before(async () => {
      opened = await open();
    });
    after(() => opened?.close());
    for (const [title, test] of Object.entries(CONTRACT)) it(title, () => test(opened.store));
  });
}
