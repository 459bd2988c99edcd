// What is not the instance that was asked for never reaches the store, and the store's object holds the data set untouched.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ObjectKey } from '@causeway/shared/brands';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { makeInstance } from '@causeway/shared/dicomweb/instances-for-tests';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { InstanceRefused, storeArriving } from './arriving-instance.ts';
import { describeCached } from './describe-cached.ts';
import { documentWith } from './retriever-for-tests.ts';
import { StudyCache } from './study-cache.ts';

const header = createHeaderReader(documentWith({}));
const one = makeInstance({ study: '1.2.3', series: '1.2.3.1', instance: '1.2.3.1.1' });

let folder: string;
let store: Awaited<ReturnType<typeof openFolderStore>>;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'arriving-'));
  store = await openFolderStore(folder);
});
after(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

function arrive(bytes: Buffer, options: { study?: string; size?: number } = {}) {
  const cache = new StudyCache(store, 'archive', '1.2.3');
  return storeArriving(
    {
      store,
      header,
      studyInstanceUid: options.study ?? '1.2.3',
      lane: 'routine',
      association: { callingAe: 'US', calledAe: 'US', source: 'archive', listener: 'retrieval' },
      keyFor: (uid, receiptId) => cache.keyFor(uid, receiptId),
      now: () => new Date('2026-01-01T00:00:00Z'),
    },
    inChunks(bytes, options.size ?? 1000),
  );
}

const keys = async () => Array.fromAsync(store.list('retrieved/'), ({ key }) => key);
async function bytesOf(key: ObjectKey): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(await store.get(key), (chunk) => chunk as Buffer));
}

describe('storeArriving', () => {
  it('refuses an instance of another study, one with two names, a cut one and what is no DICOM, and keeps nothing of it', async () => {
    const twoNames = Buffer.from(one.file);
    twoNames.write('1.2.3.1.9', twoNames.indexOf('1.2.3.1.1'), 'latin1');
    await assert.rejects(arrive(one.file, { study: '1.2.4' }), InstanceRefused);
    await assert.rejects(arrive(twoNames), InstanceRefused);
    await assert.rejects(arrive(one.file.subarray(0, -3)), InstanceRefused);
    await assert.rejects(arrive(one.file.subarray(0, 200)), InstanceRefused);
    await assert.rejects(arrive(Buffer.alloc(2000, 'no DICOM')), InstanceRefused);
    assert.deepEqual(await keys(), []);
  });

  it('keeps the data set byte for byte for every chunk size, and describes it again from the object alone', async () => {
    for (const size of [1, 7, 131, 133, 5000, 1_000_000]) {
      const instance = await arrive(one.file, { size });
      const stored = await bytesOf(instance.objectKey);
      const dataSet = one.file.subarray(parseFileMeta(one.file)!.dataSetOffset);
      assert.ok(stored.subarray(parseFileMeta(stored)!.dataSetOffset).equals(dataSet));
      assert.equal(instance.digest, one.digest);
      assert.equal(instance.size, stored.length);
      const again = await describeCached(store, { key: instance.objectKey, receiptId: instance.receiptId, size: instance.size }, header);
      assert.deepEqual(again, instance);
    }
  });
});
