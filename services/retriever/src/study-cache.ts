// What of a study lies in the store already: its instances, and the list that says a fetch was complete.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { type ObjectKey, objectKey, type ReceiptId, uuidV7 } from '@causeway/shared/brands';
import { ObjectMissing, PermanentError, TransientError } from '@causeway/shared/errors';
import { type Instance, instance as instanceSchema } from '@causeway/shared/events/instance';
import type { StoredObject } from '@causeway/shared/object-store/describe-instance';
import type { ObjectStore, ObjectUpload } from '@causeway/shared/object-store/object-store';

/** First 32 hex digits of the UID's SHA-256: a UID from the network is never a key. */
export const hashOfUid = (uid: string): string => createHash('sha256').update(uid).digest('hex').slice(0, 32);

/** retrieved/<source>/<studyHash>/<instanceHash>-<receiptId>.dcm: two fetches never share a key. */
const INSTANCE = /\/([0-9a-f]{32})-([0-9a-f-]{36})\.dcm$/;
/** One instance a line, as in the event; it is there only when the fetch was complete. */
const COMPLETE = /\/study-[0-9a-f-]{36}\.ndjson$/;

export class StudyCache {
  readonly prefix: string;
  readonly #store: ObjectStore;
  readonly #keys = new Set<string>();
  readonly #instances = new Map<string, StoredObject>();
  #complete: ObjectKey | undefined;

  constructor(store: ObjectStore, source: string, studyInstanceUid: string) {
    this.#store = store;
    this.prefix = `retrieved/${source}/${hashOfUid(studyInstanceUid)}/`;
  }

  /** Looks what is there and not older than `newerThan`: what is older may have changed at the source. */
  async look(newerThan: Date): Promise<void> {
    for await (const { key, size, modifiedAt } of this.#store.list(this.prefix)) {
      if (modifiedAt < newerThan) continue;
      this.#keys.add(key);
      const [, hash, receiptId] = INSTANCE.exec(key) ?? [];
      // In order of keys, and receipt ids begin with their time: the last one is the newest.
      if (hash !== undefined) this.#instances.set(hash, { key, receiptId: receiptId as ReceiptId, size });
      if (COMPLETE.test(key)) this.#complete = key;
    }
  }

  find(sopInstanceUid: string): StoredObject | undefined {
    return this.#instances.get(hashOfUid(sopInstanceUid));
  }

  keyFor(sopInstanceUid: string, receiptId: ReceiptId): ObjectKey {
    return objectKey(`${this.prefix}${hashOfUid(sopInstanceUid)}-${receiptId}.dcm`);
  }

  /** The instances of a complete fetch; undefined when there was none, or something of it has gone since. */
  async complete(): Promise<AsyncIterable<Instance> | undefined> {
    const key = this.#complete;
    if (key === undefined) return undefined;
    try {
      for await (const { objectKey: listed } of this.#readList(key)) if (!this.#keys.has(listed)) return undefined;
      return this.#readList(key);
    } catch (error) {
      // A list that is gone or unreadable is no list: the source is asked.
      if (error instanceof PermanentError) return undefined;
      throw error;
    }
  }

  /** The next retrieval asks the source again; what lies here is not fetched again. */
  async forgetComplete(): Promise<void> {
    for await (const { key } of this.#store.list(this.prefix)) if (COMPLETE.test(key)) await this.#store.delete(key);
  }

  /** The list of a fetch under way; nobody sees it before it is committed. */
  newList(): StudyList {
    return new StudyList(this.#store.create(objectKey(`${this.prefix}study-${uuidV7()}.ndjson`)));
  }

  async *#readList(key: ObjectKey): AsyncGenerator<Instance> {
    const source = await this.#store.get(key);
    try {
      for await (const line of createInterface({ input: source, crlfDelay: Number.POSITIVE_INFINITY })) yield parseLine(key, line);
    } catch (error) {
      if (error instanceof PermanentError || error instanceof ObjectMissing) throw error;
      throw new TransientError(`object ${key} cannot be read`, { cause: error });
    } finally {
      source.destroy();
    }
  }
}

function parseLine(key: ObjectKey, line: string): Instance {
  try {
    return instanceSchema.parse(JSON.parse(line));
  } catch {
    throw new PermanentError(`object ${key} holds a line that is not an instance`);
  }
}

export class StudyList {
  readonly #upload: ObjectUpload;
  constructor(upload: ObjectUpload) {
    this.#upload = upload;
  }

  async add(instance: Instance): Promise<void> {
    await this.#upload.write(Buffer.from(`${JSON.stringify(instance)}\n`));
  }

  /** From now on the study is served from the cache. */
  async commit(): Promise<void> {
    await this.#upload.commit();
  }

  discard(): Promise<void> {
    return this.#upload.discard();
  }
}
