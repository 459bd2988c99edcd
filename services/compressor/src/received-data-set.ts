// The data set of a stored object, read as often as it is needed: the beginning once, the rest once for each pass that goes so far.
import { deflated, inflated } from '@causeway/shared/dicom/part10/deflation';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { ObjectDamaged } from './unsuitable.ts';

/** Held in memory: most headers, and many whole objects, are within it. */
const HEAD_BYTES = 1024 * 1024;

export class ReceivedDataSet {
  readonly #store: ObjectStore;
  readonly #object: ObjectRef;
  readonly #head: Buffer;
  readonly #offset: number;

  private constructor(store: ObjectStore, object: ObjectRef, head: { bytes: Buffer; dataSetOffset: number }) {
    this.#store = store;
    this.#object = object;
    this.#head = head.bytes;
    this.#offset = head.dataSetOffset;
  }

  /** Throws ObjectMissing, ObjectDamaged (it has no group 2 of ours), DicomParseError, TransientError. */
  static async open(store: ObjectStore, object: ObjectRef): Promise<ReceivedDataSet> {
    const stream = await store.get(object.objectKey, { start: 0, end: Math.min(HEAD_BYTES, object.size) });
    const bytes = Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>));
    const meta = parseFileMeta(bytes);
    if (meta === undefined) throw new ObjectDamaged('the object ends within group 2');
    return new ReceivedDataSet(store, object, { bytes, dataSetOffset: meta.dataSetOffset });
  }

  get isDeflated(): boolean {
    return transferSyntaxOf(this.#object.transferSyntaxUid)?.deflated ?? false;
  }

  /** As stored. Leaving the loop early costs nothing more. */
  async *stored(): AsyncGenerator<Buffer> {
    if (this.#offset < this.#head.length) yield this.#head.subarray(this.#offset);
    if (this.#head.length < this.#object.size)
      yield* (await this.#store.get(this.#object.objectKey, { start: this.#head.length })) as AsyncIterable<Buffer>;
  }

  /** As its elements stand: inflated where it is deflated. `stored`: its bytes as stored, when they pass through other hands first. */
  plain(stored: AsyncIterable<Buffer> = this.stored()): AsyncIterable<Buffer> {
    return this.isDeflated ? inflated(stored) : stored;
  }

  /** From plain bytes to those that are stored. */
  written(plain: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
    return this.isDeflated ? deflated(plain) : plain;
  }
}
