// Reads group 2 and the header of a stored object, up to the first byte of its pixel data.
import type { Hash } from 'node:crypto';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { IMAGE_PATHS } from './image-description.ts';
import type { SourceReader } from './source-reader.ts';
import { Unsuitable } from './unsuitable.ts';

/** The header is held in memory. Enhanced objects of thousands of frames have some MiB. */
export const MAX_HEADER_BYTES = 16 * 1024 * 1024;

export interface SourceHeader {
  /** The data set's bytes before the value of its pixel data. */
  readonly bytes: Buffer;
  readonly scan: DataSetScan;
  /** The pixel data's first byte, counted from the start of the object. */
  readonly pixelDataPosition: number;
}

export interface HeaderOptions {
  readonly transferSyntaxUid: string;
  /** Takes every byte of the data set that is consumed here. */
  readonly hash: Hash;
  /** Wanted beside what describes the image. */
  readonly wanted?: readonly string[];
}

/** Leaves the reader at the first byte of the pixel data. Throws Unsuitable when there is none or the header is too large; DicomParseError. */
export async function readSourceHeader(
  reader: SourceReader,
  { transferSyntaxUid, hash, wanted = [] }: HeaderOptions,
): Promise<SourceHeader> {
  const dataSetOffset = await skipFileMeta(reader);
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: [...IMAGE_PATHS, ...wanted] });
  const chunks: Buffer[] = [];
  for (let held = 0; !scanner.pixelDataReached; ) {
    if (held > MAX_HEADER_BYTES) throw new Unsuitable(`the header is longer than ${MAX_HEADER_BYTES} bytes`);
    const chunk = await reader.next();
    if (chunk === undefined) throw new Unsuitable('no pixel data');
    await scanner.write(chunk);
    chunks.push(chunk);
    held += chunk.length;
  }
  const scan = scanner.snapshot();
  const all = Buffer.concat(chunks);
  const end = scan.pixelData!.valueOffset;
  if (end < all.length) reader.unread(all.subarray(end));
  const bytes = all.subarray(0, end);
  hash.update(bytes);
  return { bytes, scan, pixelDataPosition: dataSetOffset + end };
}

async function skipFileMeta(reader: SourceReader): Promise<number> {
  let head = Buffer.alloc(0);
  for (;;) {
    const chunk = await reader.next();
    if (chunk === undefined) throw new Unsuitable('the object ends within group 2');
    head = Buffer.concat([head, chunk]);
    const read = parseFileMeta(head);
    if (read === undefined) continue;
    if (read.dataSetOffset < head.length) reader.unread(head.subarray(read.dataSetOffset));
    return read.dataSetOffset;
  }
}
