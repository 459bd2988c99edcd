// The thread that makes objects durable: what fails is told to the one it concerns, and nothing of it stays.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FolderWriter } from './folder-writer.ts';
import { FolderWriterThread, type Job } from './folder-writer-thread.ts';
import { SharedMemory } from './shared-memory.ts';

describe('folder writer', () => {
  let root: string;
  let incoming: string;
  const shared = new SharedMemory(1024 * 1024);
  const bytes = shared.allocate(64 * 1024).fill('x');
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'causeway-writer-'));
    incoming = join(root, '.incoming');
    await mkdir(incoming);
  });
  afterEach(() => rm(root, { recursive: true }));

  const place = () => ({ root, incoming, memory: shared.bytes });
  const spans = (length: number) => [{ offset: bytes.byteOffset, length, position: 0 }];
  const object = (size: number, target: string) => ({ spans: spans(size), patches: [], target, size });
  const commit = (id: number, target: string): Job => ({ id, upload: id, kind: 'commit', ...object(5, target) });

  it('makes what comes together durable, each object under its name', async () => {
    const writer = new FolderWriter(place());
    const targets = Array.from({ length: 40 }, (_, n) => join(root, 'day', `${n}`));
    await Promise.all(targets.map((target, n) => writer.commit(writer.begin(), object(n, target))));
    for (const [n, target] of targets.entries()) assert.equal((await readFile(target)).length, n);
    await writer.close();
    assert.deepEqual(await readdir(incoming), []);
  });

  it('tells a failure to the object that it concerns and makes the others durable', () => {
    const thread = new FolderWriterThread(place());
    const blocked = join(root, 'blocked');
    const outcomes = thread.run([
      commit(1, join(root, 'a', '1')),
      commit(2, join(blocked, 'x'.repeat(300))),
      commit(3, join(root, 'a', '3')),
    ]);
    assert.deepEqual(
      outcomes.map(({ id, failure }) => [id, failure?.code]),
      [
        [1, undefined],
        [2, 'ENAMETOOLONG'],
        [3, undefined],
      ],
    );
    thread.run([{ id: 4, kind: 'close' }]);
  });

  it('leaves no file of an object that failed', async () => {
    const thread = new FolderWriterThread(place());
    await writeFile(join(root, 'file'), '');
    const [outcome] = thread.run([commit(1, join(root, 'file', 'below'))]);
    assert.ok(outcome?.failure);
    assert.deepEqual(await readdir(incoming), []);
  });

  it('goes on after a failure: the next object is taken', async () => {
    const writer = new FolderWriter({ ...place(), incoming: join(root, 'none') });
    await assert.rejects(writer.commit(writer.begin(), object(5, join(root, 'y'))), { code: 'ENOENT' });
    await mkdir(join(root, 'none'));
    await writer.commit(writer.begin(), object(5, join(root, 'z')));
    await writer.close();
    assert.equal((await readFile(join(root, 'z'))).length, 5);
  });

  it('does not show an object whose first part another thread had, which was lost', async () => {
    const [lost, next] = [new FolderWriterThread(place()), new FolderWriterThread(place())];
    const [written] = lost.run([{ id: 1, upload: 7, kind: 'write', spans: spans(4096) }]);
    assert.equal(written?.failure, undefined);
    const target = join(root, 'torn');
    const rest = [{ offset: bytes.byteOffset, length: 5, position: 4096 }];
    const [torn] = next.run([{ id: 2, upload: 7, kind: 'commit', spans: rest, patches: [], target, size: 4101 }]);
    assert.match(torn?.failure?.message ?? '', /5 of 4101 bytes/);
    await assert.rejects(readFile(target), { code: 'ENOENT' });
    lost.run([{ id: 3, kind: 'close' }]);
  });
});
