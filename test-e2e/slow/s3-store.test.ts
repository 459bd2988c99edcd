// The S3 store with large objects, with many at once, and with a server that is killed while it stores: bounded memory, and nothing lost that was stored.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { newReceiptId, type ObjectKey, receivedKey } from '@causeway/shared/brands';
import { TransientError } from '@causeway/shared/errors';
import { type FaultyS3, startFaultyS3 } from '@causeway/shared/object-store/s3-faulty-store-for-tests';
import { PACE } from '@causeway/shared/object-store/s3-requests';
import { placedBytes, readAll, sha256, writeAll } from '@causeway/shared/object-store/store-contract-for-tests';
import { ROOT } from '../src/gateway-under-test.ts';
import type { Moved, Moving } from '../src/s3-object-mover.ts';
import { until } from '../src/wait-for-fact.ts';

const MIB = 1024 ** 2;
const run = promisify(execFile);

describe('the memory of a process that stores in S3', () => {
  let s3: FaultyS3;
  before(async () => {
    s3 = await startFaultyS3({ keeps: 'memory' });
  });
  after(() => s3?.stop());

  async function move(objects: number, bytes: number): Promise<Moved> {
    const { endpoint, accessKey, secretKey } = s3.server;
    const store = { bucket: 'moved', endpoint, accessKey, secretKey, region: 'us-east-1', pathStyle: true, spoolFolder: s3.spoolFolder };
    const moving: Moving = { store, objects, bytes };
    const program = join(ROOT, 'test-e2e', 'src', 's3-object-mover.ts');
    const { stdout } = await run(process.execPath, ['--max-old-space-size=96', program, JSON.stringify(moving)]);
    const moved = JSON.parse(stdout) as Moved;
    const rate = (seconds: number) => `${((objects * bytes) / MIB / seconds).toFixed(0)} MiB/s`;
    console.log(
      `${objects} x ${bytes} bytes: stored at ${rate(moved.storedSeconds)}, read at ${rate(moved.readSeconds)}, peak ${Math.round(moved.peakBytes / MIB)} MiB`,
    );
    return moved;
  }

  it('stays under 256 MiB while an object of 2 GiB is stored and read, byte for byte', async () => {
    const { peakBytes, identical } = await move(1, 2_048 * MIB);
    assert.equal(identical, 1);
    assert.ok(peakBytes < 256 * MIB, `${peakBytes} bytes`);
  });

  it('stays under 256 MiB while 200 objects of 3 MB arrive at once', async () => {
    const { peakBytes, identical } = await move(200, 3_000_000);
    assert.equal(identical, 200);
    assert.ok(peakBytes < 256 * MIB, `${peakBytes} bytes`);
  });

  it('stays under 256 MiB while 12 objects of 100 MB arrive at once', async () => {
    const { peakBytes, identical } = await move(12, 100_000_000);
    assert.equal(identical, 12);
    assert.ok(peakBytes < 256 * MIB, `${peakBytes} bytes`);
  });
});

describe('an S3 server that is killed', () => {
  const ROUNDS = 5;
  const SIZES = [0.5 * MIB, 0.5 * MIB, 6 * MIB, 40 * MIB];
  let s3: FaultyS3;
  before(async () => {
    s3 = await startFaultyS3({ keeps: 'disk' });
  });
  after(() => s3?.stop());

  it(`has every object whose commit resolved, whole, after each of ${ROUNDS} kills, and none whose commit was rejected stays`, async () => {
    const store = await s3.open({ pace: PACE });
    const committed = new Map<ObjectKey, string>();
    const refused: ObjectKey[] = [];
    let sending = true;
    const sender = async (size: number): Promise<void> => {
      for (const bytes = placedBytes(size); sending; ) {
        const key = receivedKey(newReceiptId());
        const upload = store.create(key);
        try {
          await writeAll(upload, bytes);
          await upload.commit();
          committed.set(key, sha256(bytes));
        } catch (error) {
          assert.ok(error instanceof TransientError, String(error));
          refused.push(key);
          await upload.discard();
        }
      }
    };
    const senders = SIZES.map(sender);
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const before = committed.size;
        await until('more objects', () => committed.size > before + SIZES.length);
        await pause(Math.random() * 500);
        await s3.server.kill();
        await s3.server.start();
      }
    } finally {
      sending = false;
      await Promise.all(senders);
    }
    for (const [key, digest] of committed) assert.equal(sha256(await readAll(await s3.truth.get(key))), digest);
    await until('nothing that was refused stays', async () => {
      const there = new Set((await Array.fromAsync(s3.truth.list('received/'))).map(({ key }) => key));
      return refused.every((key) => !there.has(key));
    });
    console.log(`${ROUNDS} kills: ${committed.size} objects stored and intact, ${refused.length} refused`);
    await store.close();
  });
});
