// The S3 store on a real S3 server (Ceph's radosgw).
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newReceiptId, receivedKey } from '../brands.ts';
import { openS3Store, type S3Store, type S3StoreOptions } from './s3.ts';
import { type S3Server, startS3Server } from './s3-server-for-tests.ts';
import { describeStoreContract, placedBytes, writeAll } from './store-contract-for-tests.ts';

let server: S3Server;
let spoolFolder: string;
const problems: string[] = [];

before(async () => {
  server = await startS3Server({ keeps: 'memory' });
  spoolFolder = await mkdtemp(join(tmpdir(), 'causeway-spool-'));
});
after(async () => {
  await server?.stop();
  await rm(spoolFolder, { recursive: true, force: true });
});

const optionsFor = (bucket: string): S3StoreOptions => ({
  ...{ bucket, endpoint: server.endpoint, accessKey: server.accessKey, secretKey: server.secretKey, region: 'us-east-1' },
  ...{ pathStyle: true, spoolFolder, report: (problem) => problems.push(problem) },
});

describeStoreContract('a bucket of radosgw', async () => {
  const store = await openS3Store(optionsFor('contract'));
  return { store, close: () => store.close() };
});

describe('S3 store', () => {
  let store: S3Store;
  before(async () => {
    store = await openS3Store(optionsFor('objects'));
  });
  after(() => store?.close());

  it('leaves no file in its spool folder, even while large objects arrive', async () => {
    const upload = store.create(receivedKey(newReceiptId()));
    await writeAll(upload, placedBytes(40_000_000));
    assert.deepEqual(await readdir(spoolFolder), []);
    await upload.commit();
  });

  it('several replicas may make the bucket at the same time', async () => {
    const stores = await Promise.all(Array.from({ length: 4 }, () => openS3Store(optionsFor('made-by-four'))));
    await Promise.all(stores.map((one) => one.probe()));
    await Promise.all(stores.map((one) => one.close()));
  });
});
