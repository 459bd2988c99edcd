// Where a bucket and its spool may be: behind TLS with a private authority, by the environment of a service, and a spool on a disk that becomes full.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import { readServiceEnvironment } from '@causeway/shared/config/service-environment';
import { TransientError } from '@causeway/shared/errors';
import { createLogger } from '@causeway/shared/logger';
import { type FaultyS3, startFaultyS3 } from '@causeway/shared/object-store/s3-faulty-store-for-tests';
import { placedBytes, readAll, storeObject, writeAll } from '@causeway/shared/object-store/store-contract-for-tests';
import { openObjectStore } from '@causeway/shared/open-object-store';
import { makeCertificate } from './peers-under-test.ts';
import { SmallDisk } from './small-disk.ts';
import { until } from './wait-for-fact.ts';

const MIB = 1024 ** 2;
const log = createLogger('test', 'fatal');

describe('a bucket', () => {
  let scratch: string;
  let s3: FaultyS3;
  let front: Server;
  let environment: NodeJS.ProcessEnv;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-s3-places-'));
    s3 = await startFaultyS3({ keeps: 'memory' });
    const certificate = await makeCertificate(scratch);
    front = await tlsFront(s3.server.port, { cert: await readFile(certificate.cert), key: await readFile(certificate.key) });
    await writeFile(join(scratch, 'secret'), `${s3.server.secretKey}\n`);
    environment = {
      CAUSEWAY_OBJECT_STORE: 's3:places',
      CAUSEWAY_S3_ENDPOINT: `https://localhost:${(front.address() as AddressInfo).port}`,
      CAUSEWAY_S3_ACCESS_KEY: s3.server.accessKey,
      CAUSEWAY_S3_SECRET_KEY: `file:${join(scratch, 'secret')}`,
      CAUSEWAY_S3_CA: certificate.cert,
      CAUSEWAY_S3_SPOOL: join(scratch, 'spool'),
    };
  });
  after(async () => {
    front?.closeAllConnections();
    front?.close();
    await s3?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('is reached over TLS with the authority and the secret that the environment names', async () => {
    const store = await openObjectStore(readServiceEnvironment(environment), log);
    for (const size of [1_000, 6 * MIB, 40 * MIB]) {
      const bytes = placedBytes(size);
      assert.ok((await readAll(await store.get(await storeObject(store, bytes)))).equals(bytes), `${size} bytes`);
    }
  });

  it('is not talked to without that authority, and the reason is said', async () => {
    const told = Promise.withResolvers<string>();
    const warn = ({ problem }: { problem: string }) => told.resolve(problem);
    // It waits for the bucket for ever: a certificate may be mended.
    void openObjectStore(readServiceEnvironment({ ...environment, CAUSEWAY_S3_CA: undefined }), { ...log, warn } as unknown as typeof log);
    assert.match(await told.promise, /DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_VERIFY/);
  });

  it('needs endpoint and keys: a service that lacks one says which', async () => {
    const { CAUSEWAY_S3_SECRET_KEY: _, ...without } = environment;
    await assert.rejects(openObjectStore(readServiceEnvironment(without), log), /CAUSEWAY_S3_SECRET_KEY/);
    assert.throws(() => readServiceEnvironment({ ...environment, CAUSEWAY_S3_SECRET_KEY: 'the secret itself' }), /env:<NAME> or file:/);
    assert.throws(() => readServiceEnvironment({ ...environment, CAUSEWAY_S3_ENDPOINT: 'localhost:9000' }), /CAUSEWAY_S3_ENDPOINT/);
  });

  it('takes small objects, refuses large ones and leaves nothing of them while the disk of its spool is full', async () => {
    const disk = new SmallDisk(36);
    try {
      const store = await s3.open({ spoolFolder: disk.folder });
      const key = receivedKey(newReceiptId());
      const upload = store.create(key);
      await assert.rejects(
        writeAll(upload, placedBytes(60 * MIB)).then(() => upload.commit()),
        (error) => error instanceof TransientError && /no space left in the spool folder/.test(error.message),
      );
      await upload.discard();
      await storeObject(store, placedBytes(100_000));
      assert.equal(await s3.truth.stat(key), undefined);
      await until('no part is left in the bucket', async () => (await s3.incompleteUploads()) === 0);
      await until('the disk is free again', () => disk.freeBytes > 35 * MIB);
      await store.close();
    } finally {
      disk.remove();
    }
  });
});

/** Ends TLS and passes everything on. */
async function tlsFront(port: number, options: { cert: Buffer; key: Buffer }): Promise<Server> {
  const server = createServer(options, (incoming, answer) => {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      answer.writeHead(response.statusCode!, response.headers);
      response.pipe(answer);
    });
    outgoing.on('error', () => incoming.socket.destroy());
    incoming.pipe(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return server;
}
