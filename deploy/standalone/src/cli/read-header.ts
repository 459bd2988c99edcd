// The header of a DICOM file, as far as the rules of a gateway document ask for it. The pixels are not read.
import { createReadStream } from 'node:fs';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { Refused } from './command.ts';

export interface ReadHeader {
  readonly sopClassUid: string;
  /** By the names that the document uses, and those that always travel with an instance. */
  readonly attributes: Readonly<Record<string, string>>;
}

const HEAD_BYTES = 4096;
const CHUNK_BYTES = 64 * 1024;

/** Throws Refused when it is no Part 10 file that can be read. */
export async function readHeader(path: string, document: GatewayDocument): Promise<ReadHeader> {
  const reader = createHeaderReader(document);
  try {
    const { meta, dataSetOffset } = await readFileMeta(createReadStream(path, { highWaterMark: HEAD_BYTES }));
    const scanner = new DataSetScanner({ transferSyntaxUid: meta.transferSyntaxUid, wanted: reader.wanted });
    const scan = await scanAsFarAsPixels(scanner, createReadStream(path, { start: dataSetOffset, highWaterMark: CHUNK_BYTES }));
    return { sopClassUid: meta.sopClassUid, attributes: reader.attributes(scan) };
  } catch (error) {
    if (error instanceof DicomParseError) throw new Refused(`${path} is no DICOM file that can be read: ${error.message}`);
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    throw new Refused(`${path} cannot be read (${code}).`);
  }
}

async function scanAsFarAsPixels(scanner: DataSetScanner, source: AsyncIterable<Buffer>): Promise<DataSetScan> {
  // Leaving the loop destroys the stream.
  for await (const chunk of source) {
    await scanner.write(chunk);
    if (scanner.pixelDataReached) return scanner.snapshot();
  }
  return scanner.end();
}
