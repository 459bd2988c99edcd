// The folder store on a real file system: visible only when durable, bounded in memory, nothing left behind.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newReceiptId, objectKey, receivedKey } from '../brands.ts';
import { ObjectMissing, TransientError } from '../errors.ts';
import { openFolderStore } from './folder.ts';

const read = async (stream: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(stream));

describe('folder store', () => {
  let root: string;
  let store: Awaited<ReturnType<typeof openFolderStore>>;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'causeway-folder-'));
    store = await openFolderStore(root);
  });
  after(async () => {
    await store.close();
    await rm(root, { recursive: true });
  });
  /** Files opened ahead are empty. */
  const filesWithContent = async () => {
    const incoming = join(root, '.incoming');
    const sizes = await Promise.all((await readdir(incoming)).map(async (name) => (await stat(join(incoming, name))).size));
    return sizes.filter((size) => size > 0);
  };
  const freshKey = () => receivedKey(newReceiptId());

  it('shows nothing under the key before commit, and exactly the bytes after it', async () => {
    const key = freshKey();
    const upload = store.create(key);
    await upload.write(Buffer.from('abc'));
    assert.equal(await store.stat(key), undefined);
    await upload.write(Buffer.from('def'));
    assert.deepEqual(await upload.commit(), { size: 6 });
    assert.equal((await read(await store.get(key))).toString(), 'abcdef');
    assert.equal((await read(await store.get(key, { start: 2, end: 4 }))).toString(), 'cd');
  });

  it('patches bytes in memory and bytes already in the file alike', async () => {
    for (const size of [1_000, 3_000_000]) {
      const key = freshKey();
      const upload = store.create(key);
      for (let at = 0; at < size; at += 50_000) await upload.write(Buffer.alloc(Math.min(50_000, size - at), 1));
      upload.patch(10, Buffer.from([7, 8]));
      upload.patch(size - 2, Buffer.from([9, 9]));
      await upload.commit();
      const expected = Buffer.alloc(size, 1);
      expected.set([7, 8], 10);
      expected.set([9, 9], size - 2);
      assert.ok((await read(await store.get(key))).equals(expected), `${size} bytes`);
    }
  });

  it('keeps order and content of chunks that were written without waiting', async () => {
    const key = freshKey();
    const upload = store.create(key);
    const chunks = Array.from({ length: 400 }, (_, i) => Buffer.alloc(10_007, i % 251));
    const waits = chunks.map((chunk) => upload.write(chunk));
    await Promise.all(waits);
    await upload.commit();
    assert.ok((await read(await store.get(key))).equals(Buffer.concat(chunks)));
  });

  it('leaves nothing behind after discard, small or large', async () => {
    for (const size of [100, 3_000_000]) {
      const key = freshKey();
      const upload = store.create(key);
      await upload.write(Buffer.alloc(size));
      await upload.discard();
      assert.equal(await store.stat(key), undefined);
    }
    assert.deepEqual(await filesWithContent(), []);
  });

  it('keeps an object whole though it is discarded while it is committed', async () => {
    const keys = Array.from({ length: 20 }, freshKey);
    const content = (n: number) => Buffer.alloc(400_000, n + 1);
    const begun = keys.map((key, n) => {
      const upload = store.create(key);
      void upload.write(content(n));
      const committed = upload.commit();
      return [committed, upload.discard()];
    });
    // Blocks given back too early would be filled by these while the others are written.
    const others = Array.from({ length: 20 }, () => store.create(freshKey()));
    for (const other of others) void other.write(Buffer.alloc(400_000, 0xee));
    await Promise.all(begun.flat());
    for (const [n, key] of keys.entries()) assert.ok((await read(await store.get(key))).equals(content(n)), `object ${n}`);
    await Promise.all(others.map((other) => other.discard()));
  });

  it('lists by prefix in order of keys, without what is still arriving', async () => {
    const study = 'a'.repeat(32);
    const keys = ['1-a.dcm', '2-a.dcm', '3-a.dcm'].map((name) => objectKey(`retrieved/src/${study}/${name}`));
    for (const key of keys) {
      const upload = store.create(key);
      await upload.write(Buffer.from('x'));
      await upload.commit();
    }
    const arriving = store.create(objectKey(`retrieved/src/${study}/4-a.dcm`));
    await arriving.write(Buffer.alloc(2_000_000));
    const listed = await Array.fromAsync(store.list(`retrieved/src/${study}/`));
    assert.deepEqual(
      listed.map(({ key }) => key),
      keys,
    );
    await arriving.discard();
  });

  it('lists its objects though other files lie among them', async () => {
    const study = 'b'.repeat(32);
    const key = objectKey(`retrieved/src/${study}/1-a.dcm`);
    const upload = store.create(key);
    await upload.write(Buffer.from('x'));
    await upload.commit();
    for (const name of ['.DS_Store', 'A note.txt']) await writeFile(join(root, 'retrieved', 'src', study, name), 'x');
    const listed = await Array.fromAsync(store.list(`retrieved/src/${study}/`));
    assert.deepEqual(
      listed.map((one) => one.key),
      [key],
    );
  });

  it('fails a listing that it cannot finish: what is not listed would be taken for gone', async () => {
    const place = join(root, 'lost');
    const lost = await openFolderStore(place);
    assert.deepEqual(await Array.fromAsync(lost.list('')), []);
    await lost.close();
    await rm(place, { recursive: true });
    await writeFile(place, 'no folder');
    await assert.rejects(Array.fromAsync(lost.list('')), TransientError);
    await rm(place);
  });

  it('makes a folder again that somebody removed', async () => {
    for (let n = 0; n < 2; n++) {
      const key = freshKey();
      const upload = store.create(key);
      await upload.write(Buffer.from('x'));
      await upload.commit();
      assert.equal((await store.stat(key))?.size, 1);
      await rm(join(root, 'received'), { recursive: true });
    }
  });

  it('deletes durably, and deleting what is not there is no error', async () => {
    const key = freshKey();
    const upload = store.create(key);
    await upload.write(Buffer.from('x'));
    await upload.commit();
    await store.delete(key);
    await store.delete(key);
    await assert.rejects(store.get(key), ObjectMissing);
  });

  it('sweeps files of killed processes at its start, not those of living ones', async () => {
    const dead = join(root, '.incoming', '999999999-00000000-0000-7000-8000-000000000000');
    const living = join(root, '.incoming', `${process.ppid}-00000000-0000-7000-8000-000000000000`);
    await writeFile(dead, 'x');
    await writeFile(living, 'x');
    const again = await openFolderStore(root);
    await again.close();
    const names = await readdir(join(root, '.incoming'));
    assert.deepEqual(
      names.filter((name) => !name.startsWith(`${process.pid}-`)),
      [`${process.ppid}-00000000-0000-7000-8000-000000000000`],
    );
    assert.equal((await readFile(living)).toString(), 'x');
    await rm(living);
  });

  it('tells how much space is free and takes a probe', async () => {
    const { free, total } = await store.freeBytes!();
    assert.ok(free > 0 && free <= total);
    await store.probe();
    assert.deepEqual(await filesWithContent(), []);
  });
});
