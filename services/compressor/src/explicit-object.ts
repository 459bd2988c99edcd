// Makes the explicit VR little endian object of one in implicit VR, big endian or deflated: a conversion of the data set, no pixel is decoded.
import { createHash, type Hash } from 'node:crypto';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { CONVERSION_PATHS, toExplicitLittle } from '@causeway/shared/dicom/part10/to-explicit-little';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { makeOutput, type Output, refuseOtherSource } from './profile-output.ts';
import { ReceivedDataSet } from './received-data-set.ts';

/** Throws DicomParseError (it cannot be done), ObjectMissing, ObjectDamaged, TransientError. */
export async function explicitObject({ store }: { readonly store: ObjectStore }, source: ObjectRef, output: Output): Promise<ObjectRef> {
  const { transferSyntaxUid } = source;
  const dataSet = await ReceivedDataSet.open(store, source);
  const scan = await scanHeader(dataSet, transferSyntaxUid);
  const hash = createHash('sha256');
  return await makeOutput(store, output, async (derived) => {
    const plain = dataSet.plain(hashed(dataSet.stored(), hash));
    for await (const piece of toExplicitLittle({ scan, transferSyntaxUid }, plain)) await derived.write(piece);
    refuseOtherSource(hash, source);
  });
}

/** As far as the pixel data, or the whole where there is none. */
async function scanHeader(dataSet: ReceivedDataSet, transferSyntaxUid: string): Promise<DataSetScan> {
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: CONVERSION_PATHS });
  for await (const chunk of dataSet.stored()) {
    await scanner.write(chunk);
    if (scanner.pixelDataReached) return scanner.snapshot();
  }
  return await scanner.end();
}

async function* hashed(chunks: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
