// A stored object on its way out: opened, read as a stream, and proven to be what was received while it is read.
import { createHash } from 'node:crypto';
import { type FileMeta, readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { describeError, ObjectMissing, PermanentError, TransientError } from '@causeway/shared/errors';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { type Outcome, transient } from './delivery-outcome.ts';

/** What lies in the store is not what was stored. */
export class DamagedObject extends PermanentError {
  override readonly name = 'DamagedObject';
}

export interface OutboundObject {
  readonly ref: ObjectRef;
  /** Of the object itself: a lossy derived object has another SOP Instance UID than the instance it was made from. */
  readonly meta: FileMeta;
  readonly dataSetOffset: number;
}

/** Group 2 is at most 1 MiB (file-meta.ts) and hardly ever more than some hundred bytes; reading stops as soon as it is known. */
const HEAD_BYTES = 1024 * 1024 + 4096;

/** Reads the head only. Throws ObjectMissing, DamagedObject (size or group 2 not as recorded), TransientError (store out of reach). */
export async function openObject(store: ObjectStore, ref: ObjectRef): Promise<OutboundObject> {
  const stat = await store.stat(ref.objectKey);
  if (stat === undefined) throw new ObjectMissing(`object ${ref.objectKey} is not in the store`);
  if (stat.size !== ref.size) throw new DamagedObject(`object ${ref.objectKey} has ${stat.size} bytes, ${ref.size} were stored`);
  const { meta, dataSetOffset } = await readHead(store, ref);
  if (meta.transferSyntaxUid !== ref.transferSyntaxUid) {
    throw new DamagedObject(
      `object ${ref.objectKey} says transfer syntax ${meta.transferSyntaxUid}, recorded was ${ref.transferSyntaxUid}`,
    );
  }
  return { ref, meta, dataSetOffset };
}

async function readHead(store: ObjectStore, ref: ObjectRef): Promise<{ meta: FileMeta; dataSetOffset: number }> {
  const head = await store.get(ref.objectKey, { start: 0, end: Math.min(HEAD_BYTES, ref.size) });
  try {
    return await readFileMeta(head);
  } catch (error) {
    if (error instanceof TransientError) throw error;
    throw new DamagedObject(`object ${ref.objectKey} has no readable group 2`, { cause: error });
  }
}

/** The whole Part 10 object. */
export const wholeObject = (store: ObjectStore, object: OutboundObject): AsyncGenerator<Buffer> => verified(store, object, 0);

/** The data set alone, in its transfer syntax. */
export const dataSetOf = (store: ObjectStore, object: OutboundObject): AsyncGenerator<Buffer> =>
  verified(store, object, object.dataSetOffset);

/**
 * Yields the last chunk only after size and SHA-256 have proven equal to those recorded at receipt: what is damaged never arrives whole.
 * Throws DamagedObject then.
 */
async function* verified(store: ObjectStore, { ref, dataSetOffset }: OutboundObject, start: number): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let position = start;
  let held: Buffer | undefined;
  for await (const chunk of (await store.get(ref.objectKey, { start })) as AsyncIterable<Buffer>) {
    if (held !== undefined) yield held;
    held = chunk;
    hash.update(position >= dataSetOffset ? chunk : chunk.subarray(Math.min(chunk.length, dataSetOffset - position)));
    position += chunk.length;
  }
  if (position !== ref.size) throw new DamagedObject(`object ${ref.objectKey}: ${position} of ${ref.size} bytes could be read`);
  if (hash.digest('hex') !== ref.digest) throw new DamagedObject(`object ${ref.objectKey}: the digest is not the one recorded`);
  if (held !== undefined) yield held;
}

/** What an error while opening or reading our own object means for its delivery. */
export function sourceOutcome(error: unknown): Outcome {
  if (error instanceof PermanentError) return { kind: 'permanent', reason: describeError(error), because: 'object' };
  return transient(`the object could not be read: ${describeError(error)}`, 'none');
}
