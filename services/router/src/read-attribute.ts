// Reads one attribute from a stored object: for rules that are newer than the event, which does not carry it then.
import { attributePath } from '@causeway/shared/config/attribute-path';
import { characterSetAt, characterSetPaths } from '@causeway/shared/dicom/part10/character-set-at';
import { decodeText } from '@causeway/shared/dicom/part10/charset';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

/**
 * The text of the attribute (keyword, tag or path), decoded and trimmed; undefined when the object does not have it, or cannot be parsed.
 * Reads up to the pixel data. Throws ObjectMissing or TransientError of the store.
 */
export async function readAttribute(store: ObjectStore, object: ObjectRef, name: string): Promise<string | undefined> {
  const path = attributePath(name)?.replaceAll('.', '');
  if (path === undefined) return undefined;
  const scan = await scanHeader(store, object, path);
  const value = scan?.values.get(path);
  if (scan === undefined || value === undefined) return undefined;
  return decodeText(value, scan.vrs.get(path) ?? 'LO', characterSetAt(scan, path));
}

async function scanHeader(store: ObjectStore, object: ObjectRef, path: string): Promise<DataSetScan | undefined> {
  try {
    const { dataSetOffset } = await readFileMeta(await store.get(object.objectKey));
    const scanner = new DataSetScanner({ transferSyntaxUid: object.transferSyntaxUid, wanted: [path, ...characterSetPaths(path)] });
    // Leaving the loop early destroys the stream.
    for await (const chunk of await store.get(object.objectKey, { start: dataSetOffset })) {
      await scanner.write(chunk as Buffer);
      if (scanner.pixelDataReached) return scanner.snapshot();
    }
    return await scanner.end();
  } catch (error) {
    if (error instanceof DicomParseError) return undefined;
    throw error;
  }
}
