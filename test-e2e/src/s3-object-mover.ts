// A process of its own, so that its memory can be told: stores objects in a bucket, reads them back, and says what it needed. Argument: the options as JSON.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import { openS3Store, type S3StoreOptions } from '@causeway/shared/object-store/s3';
import { Turns } from '@causeway/shared/object-store/turns';

export interface Moving {
  readonly store: Omit<S3StoreOptions, 'report'>;
  /** Objects at a time, and bytes of each. */
  readonly objects: number;
  readonly bytes: number;
}

/** Written as one line of JSON when all is done. */
export interface Moved {
  readonly storedSeconds: number;
  readonly readSeconds: number;
  /** Of the process since its start (VmHWM). */
  readonly peakBytes: number;
  /** Objects whose bytes came back as they were sent. */
  readonly identical: number;
}

const CHUNK_BYTES = 128 * 1024;
/** More than an uploader does. */
const READS_AT_A_TIME = 16;

const moving = JSON.parse(process.argv[2]!) as Moving;
const store = await openS3Store({ ...moving.store, report: (problem) => process.stderr.write(`${problem}\n`) });
const numbers = Array.from({ length: moving.objects }, (_, n) => n);
const stored = await timed(() => Promise.all(numbers.map(putObject)));
const reads = new Turns(READS_AT_A_TIME);
const read = await timed(() => Promise.all(stored.result.map((one) => reads.take(() => readsTheSame(one)))));
await store.close();
const moved: Moved = {
  storedSeconds: stored.seconds,
  readSeconds: read.seconds,
  peakBytes: Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))![1]) * 1024,
  identical: read.result.filter((same) => same).length,
};
process.stdout.write(`${JSON.stringify(moved)}\n`);

/** As a modality would: chunk after chunk, waiting when told to. */
async function putObject(n: number) {
  const key = receivedKey(newReceiptId());
  const upload = store.create(key);
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(CHUNK_BYTES, n);
  for (let at = 0; at < moving.bytes; at += chunk.length) {
    const part = chunk.subarray(0, Math.min(chunk.length, moving.bytes - at));
    part.writeUInt32LE(at / CHUNK_BYTES, 0);
    hash.update(part);
    await upload.write(part);
    // The network is read between two chunks; the budget is common to all.
    await new Promise((resolve) => setImmediate(resolve));
  }
  await upload.commit();
  return { key, digest: hash.digest('hex') };
}

async function readsTheSame({ key, digest }: Awaited<ReturnType<typeof putObject>>): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const chunk of await store.get(key)) hash.update(chunk as Buffer);
  return hash.digest('hex') === digest;
}

async function timed<T>(work: () => Promise<T>): Promise<{ result: T; seconds: number }> {
  const began = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - began) / 1_000 };
}
