// Directories made durable: each caller waits for a sync of its own, and handles stay few however many directories there are.
import assert from 'node:assert/strict';
import { type FileHandle, mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DirectorySync } from './directory-sync.ts';

describe('directory sync', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'causeway-sync-'));
  });
  after(() => rm(root, { recursive: true }));

  const openDirectories = async () => {
    const targets = await Promise.all((await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')));
    return targets.filter((target) => target.startsWith(root)).length;
  };

  it('keeps a bounded number of directories open, and none after close', async () => {
    const sync = new DirectorySync();
    const paths = Array.from({ length: 200 }, (_, n) => join(root, String(n)));
    for (const path of paths) await mkdir(path);
    await Promise.all([...paths, ...paths].map((path) => sync.sync(path)));
    for (const path of paths) await sync.sync(path);
    assert.ok((await openDirectories()) <= 32, `${await openDirectories()} directories are open`);
    await sync.close();
    assert.equal(await openDirectories(), 0);
  });

  it('fails for a directory that is not there, and succeeds once it is', async () => {
    const sync = new DirectorySync();
    const path = join(root, 'late');
    await assert.rejects(sync.sync(path), { code: 'ENOENT' });
    await mkdir(path);
    await sync.sync(path);
    await sync.close();
  });

  it('fails for everybody who renamed before a failed sync ended: the kernel tells of a loss only once', async () => {
    const first = Promise.withResolvers<void>();
    const syncs = [() => first.promise, async () => {}, async () => {}];
    const handle = { sync: () => syncs.shift()!(), close: async () => {} } as unknown as FileHandle;
    const sync = new DirectorySync(async () => handle);
    const waiting = Promise.allSettled([sync.sync(root), sync.sync(root), sync.sync(root)]);
    first.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
    assert.deepEqual(
      (await waiting).map(({ status }) => status),
      ['rejected', 'rejected', 'rejected'],
    );
    await sync.sync(root);
    await sync.close();
  });
});
