// The object store of a cluster: a bucket of any S3 store (MinIO, Ceph, AWS). An object is there when the store has answered 200 to all of its bytes.
import { statfs } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { CreateBucketCommand, HeadBucketCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { isObjectKey, type ObjectKey, objectKey, uuidV7 } from '../brands.ts';
import { describeError } from '../errors.ts';
import { BackgroundWork } from './background-work.ts';
import { BlockPool } from './block-pool.ts';
import type { ObjectStat, ObjectStore, ObjectUpload } from './object-store.ts';
import { S3RequestFailed } from './s3-failure.ts';
import { deleteObject, headObject, putObject } from './s3-objects.ts';
import { LONGEST_UPLOAD_MS } from './s3-parts.ts';
import { readObject } from './s3-reading.ts';
import { createS3Client, PACE, type S3Bucket, type S3Connection, type S3Pace, s3Request } from './s3-requests.ts';
import { sweepIncompleteUploads } from './s3-sweep.ts';
import { S3Upload } from './s3-upload.ts';
import { makeSpoolFolder } from './spool-file.ts';
import { Turns } from './turns.ts';

export interface S3StoreOptions extends S3Connection {
  readonly bucket: string;
  /** On a local disk, of this machine or container alone: where large objects wait. */
  readonly spoolFolder: string;
  /** [PACE] */
  readonly pace?: S3Pace;
  /** Told what cannot be done now, in words for a log. */
  readonly report: (problem: string) => void;
}

/** What all uploads of one process hold in memory together (invariant 4). */
const MEMORY_BUDGET_BYTES = 32 * 1024 * 1024;
const MEMORY_KEPT_BYTES = 32 * 1024 * 1024;
/** Bodies that are read from spool files at a time: each holds about half a MiB on its way to the socket. */
const SPOOL_READS = 8;
/** Four hours more than an upload may live, for clocks that differ. */
const INCOMPLETE_AFTER_MS = LONGEST_UPLOAD_MS + 4 * 3_600_000;
const SWEEP_EVERY_MS = 3_600_000;
const BUCKET_AGAIN_AFTER_MS = 1_000;
const REPORT_EVERY_TRIES = 10;
/** A balancer waits for it. */
const PROBE_MS = 1_000;

export interface S3Store extends ObjectStore {
  /** Aborts uploads that were begun before then and will never be completed; done at the start and each hour too. Resolves with their number. */
  sweepIncomplete(olderThan: Date): Promise<number>;
  /** Waits for what is being tidied up, without trying again. */
  close(): Promise<void>;
}

/** Resolves once the bucket is there; makes it when it is missing; waits for the store as long as it takes. */
export async function openS3Store(options: S3StoreOptions): Promise<S3Store> {
  await makeSpoolFolder(options.spoolFolder);
  const bucket = { client: createS3Client(options), name: options.bucket, pace: options.pace ?? PACE };
  await untilBucketIsThere(bucket, options.report);
  return new BucketStore(bucket, options);
}

async function untilBucketIsThere(bucket: S3Bucket, report: (problem: string) => void): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await ensureBucket(bucket);
    } catch (error) {
      if (tries % REPORT_EVERY_TRIES === 0) report(`waiting for the bucket ${bucket.name}: ${describeError(error)}`);
      // Waiting alone keeps no process: a service has its ops server.
      await setTimeout(BUCKET_AGAIN_AFTER_MS, undefined, { ref: false });
    }
  }
}

async function ensureBucket(bucket: S3Bucket): Promise<void> {
  const { client, name: Bucket } = bucket;
  try {
    await s3Request({ bucket, what: `HEAD bucket ${Bucket}`, tries: 1 }, (abortSignal) =>
      client.send(new HeadBucketCommand({ Bucket }), { abortSignal }),
    );
  } catch (error) {
    if (!(error instanceof S3RequestFailed) || error.failure.status !== 404) throw error;
    await s3Request({ bucket, what: `make bucket ${Bucket}` }, (abortSignal) =>
      client.send(new CreateBucketCommand({ Bucket }), { abortSignal }),
    );
  }
}

class BucketStore implements S3Store {
  readonly #bucket: S3Bucket;
  readonly #spoolFolder: string;
  readonly #report: (problem: string) => void;
  readonly #pool = new BlockPool({ budgetBytes: MEMORY_BUDGET_BYTES, keepBytes: MEMORY_KEPT_BYTES });
  readonly #turns = new Turns(SPOOL_READS);
  readonly #tidying: BackgroundWork;
  readonly #sweeping: NodeJS.Timeout;
  /** No object key: `list` never shows it. */
  readonly #probeKey = `probe/${uuidV7()}`;

  constructor(bucket: S3Bucket, options: S3StoreOptions) {
    this.#bucket = bucket;
    this.#spoolFolder = options.spoolFolder;
    this.#report = options.report;
    this.#tidying = new BackgroundWork((what, error) => options.report(`left to the sweeps: ${what}: ${describeError(error)}`));
    this.#sweeping = setInterval(() => void this.#sweep(), SWEEP_EVERY_MS).unref();
    void this.#sweep();
  }

  create(key: ObjectKey): ObjectUpload {
    const place = {
      bucket: this.#bucket,
      pool: this.#pool,
      spoolFolder: this.#spoolFolder,
      turns: this.#turns,
      tidy: (of: ObjectKey, work: () => Promise<void>, afterMs?: number) => this.#tidying.add(of, work, afterMs),
    };
    return new S3Upload(place, objectKey(key));
  }

  get(key: ObjectKey, range?: { start: number; end?: number }): Promise<Readable> {
    return readObject({ bucket: this.#bucket, key: objectKey(key), start: range?.start ?? 0, end: range?.end });
  }

  stat(key: ObjectKey): Promise<ObjectStat | undefined> {
    return headObject(this.#bucket, objectKey(key));
  }

  delete(key: ObjectKey): Promise<void> {
    return deleteObject(this.#bucket, objectKey(key));
  }

  async *list(prefix: string): AsyncIterable<ObjectStat & { key: ObjectKey }> {
    const bucket = this.#bucket;
    const { client, name: Bucket } = bucket;
    let ContinuationToken: string | undefined;
    do {
      const command = new ListObjectsV2Command({ Bucket, Prefix: prefix, ContinuationToken });
      const page = await s3Request({ bucket, what: `list ${prefix}` }, (abortSignal) => client.send(command, { abortSignal }));
      for (const { Key, Size, LastModified } of page.Contents ?? [])
        if (isObjectKey(Key!)) yield { key: objectKey(Key!), size: Size!, modifiedAt: LastModified! };
      ContinuationToken = page.IsTruncated ? page.NextContinuationToken : undefined;
    } while (ContinuationToken !== undefined);
  }

  /** Of the spool: the bucket does not tell. */
  async freeBytes(): Promise<{ free: number; total: number }> {
    const { bavail, blocks, bsize } = await statfs(this.#spoolFolder);
    return { free: bavail * bsize, total: blocks * bsize };
  }

  async probe(): Promise<void> {
    const limits = { tries: 1, limitMs: PROBE_MS };
    await putObject(this.#bucket, this.#probeKey, { body: { size: PROBE.length, chunks: () => [PROBE] }, ...limits });
    await deleteObject(this.#bucket, this.#probeKey, limits);
  }

  sweepIncomplete(olderThan: Date): Promise<number> {
    return sweepIncompleteUploads(this.#bucket, olderThan);
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    await this.#tidying.stop();
    this.#bucket.client.destroy();
  }

  async #sweep(): Promise<void> {
    try {
      const count = await this.sweepIncomplete(new Date(Date.now() - INCOMPLETE_AFTER_MS));
      if (count > 0) this.#report(`${count} uploads that were never completed are removed`);
    } catch (error) {
      this.#report(`uploads that were never completed cannot be looked for: ${describeError(error)}`);
    }
  }
}

const PROBE = Buffer.from('probe');
