// A fetched instance described again from its object: an earlier attempt stored it and was ended before the whole study was there.
import type { HeaderReader } from '@causeway/shared/config/header-reader';
import { type Custody, readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { ObjectMissing } from '@causeway/shared/errors';
import { type Instance, instance as instanceSchema } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { CachedObject } from './study-cache.ts';

/** undefined: it is gone, or is not an object of ours any more; then it is fetched again. Throws TransientError when the store is out of reach. */
export async function describeCached(store: ObjectStore, object: CachedObject, header: HeaderReader): Promise<Instance | undefined> {
  try {
    const { meta, dataSetOffset } = await readFileMeta(await store.get(object.key));
    const custody = readCustodyMeta(meta);
    if (custody === undefined) return undefined;
    const scan = await scanHeader(store, object, { custody, dataSetOffset, wanted: header.wanted });
    const described = instanceSchema.safeParse(
      instanceOf(object, custody, { ...header.identity(scan), attributes: header.attributes(scan) }),
    );
    return described.success ? described.data : undefined;
  } catch (error) {
    if (error instanceof DicomParseError || error instanceof ObjectMissing) return undefined;
    throw error;
  }
}

async function scanHeader(
  store: ObjectStore,
  object: CachedObject,
  how: { custody: Custody; dataSetOffset: number; wanted: string[] },
): Promise<DataSetScan> {
  const scanner = new DataSetScanner({ transferSyntaxUid: how.custody.transferSyntaxUid, wanted: how.wanted });
  for await (const chunk of await store.get(object.key, { start: how.dataSetOffset })) {
    await scanner.write(chunk as Buffer);
    // Leaving the loop ends the reading.
    if (scanner.pixelDataReached) return scanner.snapshot();
  }
  return scanner.end();
}

function instanceOf(object: CachedObject, custody: Custody, content: object): object {
  const { digest, transferSyntaxUid, receivedAt, sopClassUid, sopInstanceUid, lane, callingAe, calledAe, source, listener } = custody;
  return {
    receiptId: object.receiptId,
    objectKey: object.key,
    size: object.size,
    ...{ digest, transferSyntaxUid, receivedAt, sopClassUid, sopInstanceUid, lane },
    association: { callingAe, calledAe, source, listener },
    ...content,
  };
}
