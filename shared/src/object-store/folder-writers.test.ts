// Two threads make objects durable side by side: each upload is its thread's, and closing ends both.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { FolderWriters } from './folder-writers.ts';
import { SharedMemory } from './shared-memory.ts';

describe('folder writers', () => {
  let root: string;
  let writers: FolderWriters;
  const shared = new SharedMemory(1024 * 1024);
  const bytes = shared.allocate(64 * 1024).fill('x');
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'causeway-writers-'));
    await mkdir(join(root, '.incoming'));
    writers = new FolderWriters({ root, incoming: join(root, '.incoming'), memory: shared.bytes });
  });
  afterEach(() => rm(root, { recursive: true }));

  const object = (size: number, target: string) => ({
    spans: [{ offset: bytes.byteOffset, length: size, position: 0 }],
    patches: [],
    target,
    size,
  });

  it('gives the next upload to the one with less to do, and to the first when both have nothing', async () => {
    const first = writers.next();
    assert.equal(writers.next(), first);
    const busy = first.commit(first.begin(), object(1, join(root, 'a')));
    const second = writers.next();
    assert.notEqual(second, first);
    await busy;
    assert.equal(writers.next(), first);
    await writers.close();
  });

  it('makes objects of the same folder durable side by side, and leaves nothing unfinished', async () => {
    const targets = Array.from({ length: 40 }, (_, n) => join(root, 'new', `${n}`));
    const used = new Set();
    await Promise.all(
      targets.map((target, n) => {
        const writer = writers.next();
        used.add(writer);
        return writer.commit(writer.begin(), object(n, target));
      }),
    );
    assert.equal(used.size, 2);
    for (const [n, target] of targets.entries()) assert.equal((await readFile(target)).length, n);
    await writers.close();
    assert.deepEqual(await readdir(join(root, '.incoming')), []);
  });
});
