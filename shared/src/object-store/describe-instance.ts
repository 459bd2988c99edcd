// An instance described again from its object alone: group 2 says how it was received, the header what it is.
import type { ObjectKey, ReceiptId } from '../brands.ts';
import type { HeaderReader } from '../config/header-reader.ts';
import { type Custody, readCustodyMeta } from '../dicom/part10/custody-meta.ts';
import { type DataSetScan, DataSetScanner } from '../dicom/part10/data-set-scanner.ts';
import { readFileMeta } from '../dicom/part10/file-meta.ts';
import { DicomParseError } from '../dicom/part10/parse-error.ts';
import { PermanentError } from '../errors.ts';
import { type Instance, instance as instanceSchema } from '../events/instance.ts';
import type { ObjectStore } from './object-store.ts';

export interface StoredObject {
  readonly key: ObjectKey;
  readonly receiptId: ReceiptId;
  readonly size: number;
}

/** `headerError`: the data set cannot be parsed as far as the pixel data; identity and attributes are then missing. */
export interface DescribedInstance {
  readonly instance: Instance;
  readonly headerError?: DicomParseError;
}

/**
 * Reads the object as far as the pixel data. Throws PermanentError when it is not one of ours, or its group 2 is damaged or says what no instance
 * can; ObjectMissing; TransientError.
 */
export async function describeInstance(store: ObjectStore, object: StoredObject, header: HeaderReader): Promise<DescribedInstance> {
  const { custody, dataSetOffset } = await readCustody(store, object);
  const scan = await scanHeader(store, object, { custody, dataSetOffset, wanted: header.wanted });
  const content = scan instanceof DicomParseError ? { attributes: {} } : { ...header.identity(scan), attributes: header.attributes(scan) };
  const described = instanceSchema.safeParse({ ...receiptOf(object, custody), ...content });
  if (!described.success) {
    const wrong = described.error.issues.map(({ path }) => path.join('.')).join(', ');
    throw new PermanentError(`object ${object.key}: what it says of itself is not of the form of an instance: ${wrong}`);
  }
  return scan instanceof DicomParseError ? { instance: described.data, headerError: scan } : { instance: described.data };
}

async function readCustody(store: ObjectStore, { key }: StoredObject): Promise<{ custody: Custody; dataSetOffset: number }> {
  try {
    const { meta, dataSetOffset } = await readFileMeta(await store.get(key));
    const custody = readCustodyMeta(meta);
    if (!custody) throw new PermanentError(`object ${key} was not written by a receiver or a retriever`);
    return { custody, dataSetOffset };
  } catch (error) {
    if (error instanceof DicomParseError) throw new PermanentError(`object ${key}: group 2 cannot be read`, { cause: error });
    throw error;
  }
}

async function scanHeader(
  store: ObjectStore,
  { key }: StoredObject,
  how: { custody: Custody; dataSetOffset: number; wanted: string[] },
): Promise<DataSetScan | DicomParseError> {
  const scanner = new DataSetScanner({ transferSyntaxUid: how.custody.transferSyntaxUid, wanted: how.wanted });
  try {
    for await (const chunk of await store.get(key, { start: how.dataSetOffset })) {
      await scanner.write(chunk as Buffer);
      // Leaving the loop destroys the stream.
      if (scanner.pixelDataReached) return scanner.snapshot();
    }
    return await scanner.end();
  } catch (error) {
    if (error instanceof DicomParseError) return error;
    throw error;
  }
}

function receiptOf({ key, receiptId, size }: StoredObject, custody: Custody): object {
  const { digest, transferSyntaxUid, receivedAt, sopClassUid, sopInstanceUid, lane } = custody;
  const { callingAe, calledAe, source, listener, tlsSubject } = custody;
  const association = { callingAe, calledAe, source, listener, ...(tlsSubject === undefined ? {} : { tlsSubject }) };
  const received = { digest, transferSyntaxUid, receivedAt, sopClassUid, sopInstanceUid, lane, association };
  return { objectKey: key, receiptId, size, ...received };
}
