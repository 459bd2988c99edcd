// One object on its way to S3. A small one waits in memory and is one PUT of known size; a larger one, or any when the memory of all uploads is used up, waits
// in a spool file; from 32 MiB on its parts leave while it arrives.
import type { ObjectKey } from '../brands.ts';
import { TransientError } from '../errors.ts';
import type { BlockPool } from './block-pool.ts';
import { HeldBytes } from './held-bytes.ts';
import type { ObjectUpload } from './object-store.ts';
import type { BodySource } from './s3-body.ts';
import { S3RequestFailed } from './s3-failure.ts';
import { deleteObject, putObject } from './s3-objects.ts';
import { PART_BYTES, S3Parts } from './s3-parts.ts';
import type { S3Bucket } from './s3-requests.ts';
import { SpoolFile } from './spool-file.ts';
import type { Turns } from './turns.ts';

export interface S3UploadPlace {
  readonly bucket: S3Bucket;
  readonly pool: BlockPool;
  readonly spoolFolder: string;
  /** Bodies read from spool files, of all uploads. */
  readonly turns: Turns;
  /** Removes what a failed commit may have left in the store; tried again for a while, never waited for. */
  readonly tidy: (key: ObjectKey, work: () => Promise<void>, afterMs?: number) => void;
}

/** CT and MR slices are smaller. */
const HOLD_BYTES = 4 * 1024 * 1024;
/** The spool is written in pieces of this size. */
const SPOOL_STEP_BYTES = 1024 * 1024;
const PARTS_FROM_BYTES = 2 * PART_BYTES;
/** A store that has all bytes of a request whose sender is gone has carried it out by then. */
const LATE_MS = 10_000;

export class S3Upload implements ObjectUpload {
  readonly #place: S3UploadPlace;
  readonly #key: ObjectKey;
  readonly #held: HeldBytes;
  readonly #ending = new AbortController();
  #patches: { position: number; bytes: Buffer }[] = [];
  #size = 0;
  #isSpooled = false;
  #spool: SpoolFile | undefined;
  #parts: S3Parts | undefined;
  #writing: Promise<void> = Promise.resolve();
  #committing: Promise<{ size: number }> | undefined;
  #ended = false;

  constructor(place: S3UploadPlace, key: ObjectKey) {
    this.#place = place;
    this.#key = key;
    this.#held = new HeldBytes(place.pool);
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#ended) throw new Error('write after the end of the upload');
    this.#held.append(chunk);
    this.#size += chunk.length;
    this.#isSpooled ||= this.#held.size > HOLD_BYTES;
    const isFull = this.#isSpooled && this.#held.size >= SPOOL_STEP_BYTES;
    return isFull || this.#place.pool.isOverBudget ? this.#spoolHeld() : undefined;
  }

  patch(position: number, bytes: Buffer): void {
    if (position + bytes.length > this.#size) throw new Error(`patch at ${position} beyond the ${this.#size} bytes written`);
    this.#patches.push({ position, bytes: Buffer.from(bytes) });
  }

  commit(): Promise<{ size: number }> {
    this.#ended = true;
    this.#committing = this.#commit();
    return this.#committing;
  }

  /** A commit under way is cut short; what is committed stays. */
  async discard(): Promise<void> {
    this.#ended = true;
    this.#ending.abort();
    await this.#writing.catch(() => {});
    if (this.#committing) return void (await this.#committing.catch(() => {}));
    this.#cleanUp(undefined);
    await this.#release();
  }

  async #commit(): Promise<{ size: number }> {
    try {
      if (this.#isSpooled) await this.#spoolHeld();
      await this.#writing;
      await this.#parts?.settled();
      await this.#applyPatches();
      await this.#send();
    } catch (error) {
      this.#cleanUp(error);
      throw error instanceof TransientError ? error : new TransientError(`object store: ${this.#key} not stored`, { cause: error });
    } finally {
      await this.#release();
    }
    return { size: this.#size };
  }

  /** One after the other; a failure is told to every later caller. */
  #spoolHeld(): Promise<void> {
    this.#isSpooled = true;
    this.#writing = this.#writing.then(() => this.#writeHeld());
    // Whoever writes next, or commits, is told.
    this.#writing.catch(() => {});
    return this.#writing;
  }

  async #writeHeld(): Promise<void> {
    const taken = this.#held.take();
    try {
      this.#spool ??= await SpoolFile.create(this.#place.spoolFolder);
      await this.#spool.append(taken.buffers());
    } finally {
      taken.release();
    }
    if (this.#spool.size < PARTS_FROM_BYTES) return;
    this.#parts ??= new S3Parts({ ...this.#place, key: this.#key, spool: this.#spool, signal: this.#ending.signal });
    await this.#parts.advance();
  }

  async #applyPatches(): Promise<void> {
    for (const { position, bytes } of this.#patches) {
      if (!this.#spool) this.#held.patch(position, bytes);
      else await this.#spool.patch(position, bytes);
      this.#parts?.changed(position, bytes.length);
    }
  }

  async #send(): Promise<void> {
    if (this.#parts) return this.#parts.complete();
    const { bucket, turns } = this.#place;
    const put = (body: BodySource) => putObject(bucket, this.#key, { body, signal: this.#ending.signal });
    const spool = this.#spool;
    if (!spool) return put({ size: this.#size, chunks: () => this.#held.buffers() });
    await turns.take(() => put({ size: spool.size, chunks: () => spool.read(0, spool.size) }));
  }

  /** A request without an answer may have been carried out, now or a little later: nobody was told of that object, so it goes. */
  #cleanUp(error: unknown): void {
    this.#ending.abort();
    const parts = this.#parts;
    if (parts) this.#place.tidy(this.#key, () => parts.abort());
    if (!parts?.mayBeJoined && !(error instanceof S3RequestFailed && error.mayBeDone)) return;
    const remove = () => deleteObject(this.#place.bucket, this.#key, { tries: 1 });
    this.#place.tidy(this.#key, remove);
    this.#place.tidy(this.#key, remove, LATE_MS);
  }

  async #release(): Promise<void> {
    await this.#parts?.settled();
    this.#held.release();
    await this.#spool?.close();
  }
}
