// The object being made: bytes go to the store and into its digest as they come; nothing is visible before `commit`.
import { createHash } from 'node:crypto';
import type { ObjectKey } from '@causeway/shared/brands';
import { type CustodyFacts, digestBytes, encodeCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore, ObjectUpload } from '@causeway/shared/object-store/object-store';
import { Unsuitable } from './unsuitable.ts';

export interface DerivedObjectOptions {
  readonly key: ObjectKey;
  readonly custody: CustodyFacts;
  /** Only an object smaller than this is worth having: as soon as it is not, `write` throws Unsuitable. [any size] */
  readonly sourceBytes?: number;
}

export class DerivedObject {
  readonly #upload: ObjectUpload;
  readonly #options: DerivedObjectOptions;
  readonly #hash = createHash('sha256');
  readonly #digestPosition: number;
  #size: number;
  #ended = false;

  private constructor(upload: ObjectUpload, options: DerivedObjectOptions, meta: { bytes: Buffer; digestPosition: number }) {
    this.#upload = upload;
    this.#options = options;
    this.#digestPosition = meta.digestPosition;
    this.#size = meta.bytes.length;
  }

  /** Opens the upload and writes group 2, whose digest is filled in at `commit`. */
  static async begin(store: ObjectStore, options: DerivedObjectOptions): Promise<DerivedObject> {
    const meta = encodeCustodyMeta(options.custody);
    const derived = new DerivedObject(store.create(options.key), options, meta);
    await derived.#upload.write(meta.bytes);
    return derived;
  }

  /** Bytes of the data set. The upload takes them over. */
  async write(bytes: Buffer): Promise<void> {
    this.#size += bytes.length;
    if (this.#size >= (this.#options.sourceBytes ?? Infinity)) throw new Unsuitable('compressed is not smaller');
    this.#hash.update(bytes);
    await this.#upload.write(bytes);
  }

  /** Resolves when the object is durable. */
  async commit(): Promise<ObjectRef> {
    this.#ended = true;
    const digest = this.#hash.digest('hex');
    this.#upload.patch(this.#digestPosition, digestBytes(digest));
    const { size } = await this.#upload.commit();
    return { objectKey: this.#options.key, size, digest, transferSyntaxUid: this.#options.custody.transferSyntaxUid };
  }

  /** Nothing of it stays; after `commit` this does nothing. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#upload.discard();
  }
}
