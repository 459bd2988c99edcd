// An instance described again from its object alone: group 2 says how it was received, the header what it is.
import type { ObjectKey, ReceiptId } from '@causeway/shared/brands';
import { resolveFacility } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import { type Custody, readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { PermanentError } from '@causeway/shared/errors';
import { type Instance, lane } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

export interface StoredObject {
  readonly key: ObjectKey;
  readonly receiptId: ReceiptId;
  readonly size: number;
}

/** Throws PermanentError when the object is not one of ours or its group 2 is damaged; ObjectMissing; TransientError. */
export async function describeObject(
  store: ObjectStore,
  object: StoredObject,
  document: GatewayDocument,
): Promise<{ instance: Instance; facility?: string }> {
  const { custody, dataSetOffset } = await readCustody(store, object);
  const reader = createHeaderReader(document);
  const scan = await scanHeader(store, object, { custody, dataSetOffset, wanted: reader.wanted });
  const attributes = scan ? reader.attributes(scan) : {};
  const { digest, transferSyntaxUid, sopClassUid, sopInstanceUid, receivedAt } = custody;
  const { callingAe, calledAe, source, listener, tlsSubject } = custody;
  const association = { callingAe, calledAe, source, listener, tlsSubject };
  const stored = { objectKey: object.key, receiptId: object.receiptId, size: object.size, digest, transferSyntaxUid };
  const identity = scan ? reader.identity(scan) : {};
  const resolved = resolveFacility(document, association);
  return {
    instance: { ...stored, receivedAt, sopClassUid, sopInstanceUid, ...identity, lane: lane.parse(custody.lane), association, attributes },
    facility: 'facility' in resolved ? resolved.facility : undefined,
  };
}

async function readCustody(store: ObjectStore, object: StoredObject): Promise<{ custody: Custody; dataSetOffset: number }> {
  try {
    const { meta, dataSetOffset } = await readFileMeta(await store.get(object.key));
    const custody = readCustodyMeta(meta);
    if (!custody) throw new PermanentError(`object ${object.key} was not written by a receiver`);
    return { custody, dataSetOffset };
  } catch (error) {
    if (error instanceof DicomParseError) throw new PermanentError(`object ${object.key}: group 2 cannot be read`, { cause: error });
    throw error;
  }
}

/** Up to the pixel data. A header that cannot be parsed is no reason to leave the object behind: the next step judges it. */
async function scanHeader(
  store: ObjectStore,
  object: StoredObject,
  how: { custody: Custody; dataSetOffset: number; wanted: string[] },
): Promise<DataSetScan | undefined> {
  const scanner = new DataSetScanner({ transferSyntaxUid: how.custody.transferSyntaxUid, wanted: how.wanted });
  try {
    for await (const chunk of await store.get(object.key, { start: how.dataSetOffset })) {
      await scanner.write(chunk as Buffer);
      // Leaving the loop destroys the stream.
      if (scanner.pixelDataReached) return scanner.snapshot();
    }
    return await scanner.end();
  } catch (error) {
    if (error instanceof DicomParseError) return undefined;
    throw error;
  }
}
