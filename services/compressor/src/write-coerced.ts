// Writes the coerced object: the received data set streams through the splice into a new object, checked on both sides.
import { createHash, type Hash, randomBytes } from 'node:crypto';
import { objectKey } from '@causeway/shared/brands';
import type { HeaderReader } from '@causeway/shared/config/header-reader';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { type Cut, spliced } from '@causeway/shared/dicom/part10/splice';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import type { Instance, ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { DerivedObject } from './derived-object.ts';
import type { ReceivedDataSet } from './received-data-set.ts';
import { ObjectDamaged } from './unsuitable.ts';

export interface CoercionSource {
  readonly store: ObjectStore;
  readonly instance: Instance;
  readonly source: ReceivedDataSet;
  /** Of the received data set. */
  readonly scan: DataSetScan;
  readonly header: HeaderReader;
}

/** Never touched by a rule; looked at all the same. */
const IDENTITY = ['00080016', '00080018', '0020000D', '0020000E'];

/** The durable object, and the header attributes that it has. Throws ObjectDamaged, TransientError; DicomParseError when it is deflated, and not to its end. */
export async function writeCoerced(
  from: CoercionSource,
  cuts: readonly Cut[],
): Promise<{ object: ObjectRef; attributes: Instance['attributes'] }> {
  const { store, instance, source, header } = from;
  const hash = createHash('sha256');
  const transferSyntaxUid = source.isDeflated ? EXPLICIT_VR_LITTLE_ENDIAN : instance.transferSyntaxUid;
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: header.wanted });
  const derived = await DerivedObject.begin(store, coercedOptions(instance));
  try {
    const plain = spliced(source.plain(hashed(source.stored(), hash)), cuts);
    for await (const piece of source.written(watched(plain, scanner))) await derived.write(piece);
    if (hash.digest('hex') !== instance.digest)
      throw new ObjectDamaged(`the bytes of ${instance.objectKey} are not those that were received: the digest differs`);
    const scan = scanner.pixelDataReached ? scanner.snapshot() : await reading(() => scanner.end());
    refuseOtherIdentity(scan, from.scan);
    return { object: await derived.commit(), attributes: header.attributes(scan) };
  } finally {
    await derived.discard();
  }
}

function coercedOptions({ receiptId, association, lane, receivedAt, sopClassUid, sopInstanceUid, transferSyntaxUid }: Instance) {
  const attempt = randomBytes(4).toString('hex');
  return {
    key: objectKey(`derived/${receiptId}/coerced-${attempt}.dcm`),
    custody: { ...association, lane, receivedAt, sopClassUid, sopInstanceUid, transferSyntaxUid },
  };
}

async function* hashed(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}

/** The scanner reads along as far as the pixel data. */
async function* watched(chunks: AsyncIterable<Buffer>, scanner: DataSetScanner): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    if (!scanner.pixelDataReached) reading(() => scanner.write(chunk));
    yield chunk;
  }
}

/** The received data set could be read so far: that the coerced one cannot is no fault of the sender's. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error('the coerced data set cannot be read: that is a defect', { cause: error });
  }
}

function refuseOtherIdentity(scan: DataSetScan, received: DataSetScan): void {
  const isSame = (path: string): boolean =>
    (scan.values.get(path)?.toString('hex') ?? '') === (received.values.get(path)?.toString('hex') ?? '');
  if (!IDENTITY.every(isSame)) throw new Error('the coerced data set has another identity than the received one: that is a defect');
}
