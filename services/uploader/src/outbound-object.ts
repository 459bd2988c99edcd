// A stored object on its way out: opened, read as a stream, and proven to be what was received while it is read.
import { createHash } from 'node:crypto';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { type FileMeta, parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { type Cut, spliced } from '@causeway/shared/dicom/part10/splice';
import { describeError, ObjectMissing, PermanentError } from '@causeway/shared/errors';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { type Outcome, transient } from './delivery-outcome.ts';
import type { Pace } from './pace.ts';

/** What lies in the store is not what was stored. */
export class DamagedObject extends PermanentError {
  override readonly name = 'DamagedObject';
}

export interface OutboundObject {
  readonly ref: ObjectRef;
  /** As recorded; group 2 of the object has to say the same. */
  readonly meta: Pick<FileMeta, 'sopClassUid' | 'sopInstanceUid' | 'transferSyntaxUid'>;
  /** How fast it may go out [as fast as it can]. */
  readonly pace?: Pace;
  /** What coercion on delivery makes different. */
  readonly change?: OutboundChange;
}

export interface OutboundChange {
  readonly cuts: readonly Cut[];
  /** Group 2 of what is sent: our private information in the stored one tells of the stored data set. */
  readonly head: Buffer;
  /** Bytes of the whole object as it is sent. */
  readonly size: number;
  /** Names of the rules that were applied, and of those skipped with the reason. */
  readonly rules: readonly string[];
  readonly skipped: readonly string[];
  /** Of the data set as it was sent, hex SHA-256; known once it was sent to its end. */
  digest?: string;
}

/** Bytes of the whole object as it is sent. */
export const sizeToSend = ({ ref, change }: OutboundObject): number => change?.size ?? ref.size;

/** Nothing is read yet. `of`: the identity that the object has. Throws ObjectMissing, DamagedObject (another size than recorded), TransientError (store out of reach). */
export async function openObject(
  store: ObjectStore,
  ref: ObjectRef,
  of: Pick<FileMeta, 'sopClassUid' | 'sopInstanceUid'>,
): Promise<OutboundObject> {
  const stat = await store.stat(ref.objectKey);
  if (stat === undefined) throw new ObjectMissing(`object ${ref.objectKey} is not in the store`);
  if (stat.size !== ref.size) throw new DamagedObject(`object ${ref.objectKey} has ${stat.size} bytes, ${ref.size} were stored`);
  const { sopClassUid, sopInstanceUid } = of;
  return { ref, meta: { sopClassUid, sopInstanceUid, transferSyntaxUid: ref.transferSyntaxUid } };
}

/** The whole Part 10 object, as it is to arrive. */
export const wholeObject = (store: ObjectStore, object: OutboundObject): AsyncGenerator<Buffer> =>
  paced(object, wholeToSend(store, object));

/** The data set alone, in its transfer syntax, as it is to arrive. */
export const dataSetOf = (store: ObjectStore, object: OutboundObject): AsyncGenerator<Buffer> =>
  paced(object, dataSetToSend(store, object));

const paced = ({ pace }: OutboundObject, chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> =>
  pace === undefined ? chunks : pace.through(chunks);

async function* wholeToSend(store: ObjectStore, object: OutboundObject): AsyncGenerator<Buffer> {
  if (object.change === undefined) return yield* verified(store, object, 'whole');
  yield object.change.head;
  yield* dataSetToSend(store, object);
}

async function* dataSetToSend(store: ObjectStore, object: OutboundObject): AsyncGenerator<Buffer> {
  const stored = verified(store, object, 'data set');
  const { change } = object;
  if (change === undefined) return yield* stored;
  const hash = createHash('sha256');
  for await (const chunk of spliced(stored, change.cuts)) {
    hash.update(chunk);
    yield chunk;
  }
  change.digest = hash.digest('hex');
}

/** The stored data set's header, as far as its pixel data, and where in the object the data set begins. Throws DamagedObject when it cannot be read. */
export async function readOutboundHeader(
  store: ObjectStore,
  object: OutboundObject,
): Promise<{ scan: DataSetScan; dataSetOffset: number }> {
  const scanner = new DataSetScanner({ transferSyntaxUid: object.meta.transferSyntaxUid, wanted: [] });
  let head: Buffer = Buffer.alloc(0);
  let dataSetOffset: number | undefined;
  try {
    for await (const chunk of (await store.get(object.ref.objectKey, { start: 0, end: object.ref.size })) as AsyncIterable<Buffer>) {
      const isKnown = dataSetOffset !== undefined;
      if (!isKnown) head = Buffer.concat([head, chunk]);
      dataSetOffset ??= provenHead(head, object);
      if (dataSetOffset === undefined) continue;
      await scanner.write(isKnown ? chunk : head.subarray(dataSetOffset));
      if (scanner.pixelDataReached) return { scan: scanner.snapshot(), dataSetOffset };
    }
    return { scan: await scanner.end(), dataSetOffset: dataSetOffset ?? 0 };
  } catch (error) {
    if (error instanceof DicomParseError)
      throw new DamagedObject(`the data set of ${object.ref.objectKey} cannot be read`, { cause: error });
    throw error;
  }
}

/**
 * Yields nothing before group 2 has proven to be that of the object, and the last chunk only after size and SHA-256 have proven equal to those recorded at
 * receipt: what is damaged never arrives whole. Throws DamagedObject then. The object is opened and read once.
 */
async function* verified(store: ObjectStore, object: OutboundObject, part: 'whole' | 'data set'): AsyncGenerator<Buffer> {
  const { objectKey, size, digest } = object.ref;
  const hash = createHash('sha256');
  let bytes = 0;
  let head: Buffer | undefined = Buffer.alloc(0);
  let held: Buffer | undefined;
  for await (let chunk of (await store.get(objectKey, { start: 0, end: size })) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (head !== undefined) {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      const dataSetOffset = provenHead(head, object);
      if (dataSetOffset === undefined) continue;
      hash.update(head.subarray(dataSetOffset));
      chunk = part === 'whole' ? head : head.subarray(dataSetOffset);
      head = undefined;
    } else hash.update(chunk);
    if (held !== undefined) yield held;
    held = chunk;
  }
  if (bytes !== size) throw new DamagedObject(`object ${objectKey}: ${bytes} of ${size} bytes could be read`);
  if (hash.digest('hex') !== digest) throw new DamagedObject(`object ${objectKey}: the digest is not the one recorded`);
  if (held !== undefined) yield held;
}

/** Where the data set begins; undefined while group 2 (at most 1 MiB, file-meta.ts) is not whole. Throws DamagedObject when it is not as recorded. */
function provenHead(head: Buffer, { ref, meta }: OutboundObject): number | undefined {
  const read = readHead(head, ref);
  if (read === undefined) return undefined;
  for (const name of ['sopClassUid', 'sopInstanceUid', 'transferSyntaxUid'] as const) {
    if (read.meta[name] === meta[name]) continue;
    throw new DamagedObject(`object ${ref.objectKey} says ${name} ${read.meta[name]}, recorded was ${meta[name]}`);
  }
  return read.dataSetOffset;
}

function readHead(head: Buffer, ref: ObjectRef): ReturnType<typeof parseFileMeta> {
  try {
    return parseFileMeta(head);
  } catch (error) {
    throw new DamagedObject(`object ${ref.objectKey} has no readable group 2`, { cause: error });
  }
}

/** What an error while opening or reading our own object means for its delivery. */
export function sourceOutcome(error: unknown): Outcome {
  if (error instanceof PermanentError) return { kind: 'permanent', reason: describeError(error), because: 'object' };
  return transient(`the object could not be read: ${describeError(error)}`, 'none');
}
