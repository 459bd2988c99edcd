// One upload into the folder: what ends badly leaves nothing with the thread that writes it.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { TransientError } from '../errors.ts';
import { BLOCK_BYTES, BlockPool } from './block-pool.ts';
import { FolderUpload } from './folder-upload.ts';
import { FolderWriter } from './folder-writer.ts';
import { SharedMemory } from './shared-memory.ts';

const BLOCKS = 40;

describe('an upload whose memory runs out after part of it was written', () => {
  let root: string;
  let incoming: string;
  let writer: FolderWriter;
  let upload: FolderUpload;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'causeway-upload-'));
    incoming = join(root, '.incoming');
    await mkdir(incoming);
    const shared = new SharedMemory(BLOCKS * BLOCK_BYTES);
    const allocate = () => shared.allocate(BLOCK_BYTES);
    const pool = new BlockPool({ budgetBytes: BLOCK_BYTES, keepBytes: BLOCKS * BLOCK_BYTES, allocate });
    writer = new FolderWriter({ root, incoming, memory: shared.bytes });
    upload = new FolderUpload({ writer, pool, target: join(root, 'object') });
    await upload.write(Buffer.alloc(4 * BLOCK_BYTES));
    await assert.rejects(async () => upload.write(Buffer.alloc(2 * BLOCKS * BLOCK_BYTES)), TransientError);
  });
  afterEach(async () => {
    await writer.close();
    await rm(root, { recursive: true });
  });

  /** Files made ahead for others are empty. */
  const begun = async (): Promise<number> => {
    const sizes = await Promise.all((await readdir(incoming)).map(async (name) => (await stat(join(incoming, name))).size));
    return sizes.filter((size) => size > 0).length;
  };

  it('leaves no file when it is discarded', async () => {
    assert.equal(await begun(), 1);
    await upload.discard();
    assert.equal(await begun(), 0);
  });

  it('leaves no file, and shows nothing, when it is committed all the same', async () => {
    await assert.rejects(upload.commit(), TransientError);
    assert.deepEqual([await begun(), await readdir(root)], [0, ['.incoming']]);
  });
});
