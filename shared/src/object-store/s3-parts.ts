// A large object on its way to S3 as a multipart upload: whole parts leave while the rest still arrives, the first one last, because its bytes may still be
// changed (the digest's place in group 2). Nothing is visible before CompleteMultipartUpload was answered and the object has its size.
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { PermanentError, TransientError } from '../errors.ts';
import { withBody } from './s3-body.ts';
import { S3RequestFailed } from './s3-failure.ts';
import { headObject, isNotFound } from './s3-objects.ts';
import { type S3Bucket, s3Request } from './s3-requests.ts';
import type { SpoolFile } from './spool-file.ts';
import type { Turns } from './turns.ts';

/** Sent again as a whole when it fails, so not larger; S3 asks for 5 MiB at least and 10,000 parts at most: 156 GiB. */
export const PART_BYTES = 16 * 1024 * 1024;
const MOST_PARTS = 10_000;
/** Of one object; one would leave the store idle between two parts. */
const PARTS_AT_A_TIME = 3;
/** What has arrived and is not sent; then the writer waits, because the store is slower than the network, and the commit must end within limits.custody. */
const BEHIND_BYTES = 64 * 1024 * 1024;
/** An upload that is older is given up by its owner: so the sweep of older ones (s3-sweep.ts) never touches one that is alive. */
export const LONGEST_UPLOAD_MS = 20 * 3_600_000;

export interface PartsPlace {
  readonly bucket: S3Bucket;
  readonly key: string;
  readonly spool: SpoolFile;
  readonly turns: Turns;
  readonly signal: AbortSignal;
}

export class S3Parts {
  readonly #place: PartsPlace;
  readonly #began = performance.now();
  readonly #etags = new Map<number, string>();
  readonly #running = new Set<Promise<void>>();
  #uploadId: Promise<string> | undefined;
  #next = 2;
  #mayBeJoined = false;
  #failure: unknown;

  constructor(place: PartsPlace) {
    this.#place = place;
  }

  /** The parts may be an object by now, whatever `complete` rejected with. */
  get mayBeJoined(): boolean {
    return this.#mayBeJoined;
  }

  /** Sends what is whole. Resolves when the writer may go on; rejects when a part has failed for good. */
  async advance(): Promise<void> {
    const available = this.#place.spool.size;
    if (available > MOST_PARTS * PART_BYTES) throw new PermanentError(`an object of more than ${MOST_PARTS} parts of ${PART_BYTES} bytes`);
    while (this.#next * PART_BYTES <= available) {
      if (this.#failure) throw this.#failure;
      if (this.#running.size < PARTS_AT_A_TIME) this.#start(this.#next++);
      else if (available - (this.#next - 1) * PART_BYTES < BEHIND_BYTES) return;
      else await Promise.race(this.#running);
    }
    if (this.#failure) throw this.#failure;
  }

  /** Resolves when nothing is being sent any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Bytes of the spool were changed: their parts are sent again. To be called while nothing is being sent. */
  changed(position: number, length: number): void {
    for (let part = partOf(position); part <= partOf(position + length - 1); part++) this.#etags.delete(part);
  }

  /** Sends what is missing and completes. Resolves when the object is there in its size. */
  async complete(): Promise<void> {
    const { size } = this.#place.spool;
    for (let part = 1; part <= partOf(size - 1); part++) {
      while (this.#running.size >= PARTS_AT_A_TIME) await Promise.race(this.#running);
      if (this.#failure) throw this.#failure;
      if (!this.#etags.has(part)) this.#start(part);
    }
    await this.settled();
    if (this.#failure) throw this.#failure;
    await this.#join(size);
  }

  /** Removes every part from the store, once nothing is being sent. Rejects when that cannot be done now. */
  async abort(): Promise<void> {
    await this.settled();
    const uploadId = await this.#uploadId?.catch(() => undefined);
    if (uploadId === undefined) return;
    const { bucket, key } = this.#place;
    const command = { Bucket: bucket.name, Key: key, UploadId: uploadId };
    await s3Request({ bucket, what: `abort upload ${key}` }, (abortSignal) =>
      bucket.client.send(new AbortMultipartUploadCommand(command), { abortSignal }),
    ).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  #start(part: number): void {
    const sending = this.#place.turns
      .take(() => this.#send(part))
      .then((etag) => void this.#etags.set(part, etag))
      .catch((error: unknown) => {
        this.#failure ??= error;
      })
      .finally(() => this.#running.delete(sending));
    this.#running.add(sending);
  }

  async #send(part: number): Promise<string> {
    const { bucket, key, spool, signal } = this.#place;
    if (signal.aborted) throw new TransientError(`upload of ${key} ended`);
    if (performance.now() - this.#began > LONGEST_UPLOAD_MS)
      throw new TransientError(`${key} took longer than ${LONGEST_UPLOAD_MS} ms to arrive`);
    const [start, end] = [(part - 1) * PART_BYTES, Math.min(part * PART_BYTES, spool.size)];
    const source = { size: end - start, chunks: () => spool.read(start, end) };
    const UploadId = await this.#open();
    const work = { bucket, what: `PUT part ${part} of ${key}`, bytes: source.size, signal };
    const { ETag } = await s3Request(work, (limit) =>
      withBody(source, limit, ({ stream, size, md5 }, abortSignal) => {
        const command = { Bucket: bucket.name, Key: key, UploadId, PartNumber: part, Body: stream, ContentLength: size, ContentMD5: md5 };
        return bucket.client.send(new UploadPartCommand(command), { abortSignal });
      }),
    );
    return ETag!;
  }

  /** Not ended by the signal: an upload of which we know no id could not be aborted. */
  #open(): Promise<string> {
    const { bucket, key } = this.#place;
    this.#uploadId ??= s3Request({ bucket, what: `open upload ${key}` }, (abortSignal) =>
      bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key: key }), { abortSignal }),
    ).then((answer) => answer.UploadId!);
    return this.#uploadId;
  }

  /** A try whose answer was lost may have joined the parts, and a second one then finds no upload: what lies there decides. */
  async #join(size: number): Promise<void> {
    const { bucket, key, signal } = this.#place;
    const Parts = [...this.#etags].sort(([a], [b]) => a - b).map(([PartNumber, ETag]) => ({ PartNumber, ETag }));
    const command = { Bucket: bucket.name, Key: key, UploadId: await this.#open(), MultipartUpload: { Parts } };
    let failure: S3RequestFailed | undefined;
    this.#mayBeJoined = true;
    await s3Request({ bucket, what: `complete ${key}`, signal }, (abortSignal) =>
      bucket.client.send(new CompleteMultipartUploadCommand(command), { abortSignal }),
    ).catch((error: unknown) => {
      this.#mayBeJoined = error instanceof S3RequestFailed && error.mayBeDone;
      if (!this.#mayBeJoined) throw error;
      failure = error as S3RequestFailed;
    });
    const found = await headObject(bucket, key);
    if (found?.size === size) return;
    throw failure ?? new TransientError(`${key} has ${found?.size ?? 'no'} bytes in the store, not ${size}`);
  }
}

const partOf = (position: number): number => Math.floor(position / PART_BYTES) + 1;
