// Pixels of a JPEG 2000 or HTJ2K file as a decoder that is not ours reads them: OpenJPEG's opj_decompress.
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';

const execute = promisify(execFile);
const ITEM = 0xe000fffe;

/** Samples of a file of one frame, little endian. `scratch`: a folder for what the decoder reads and writes. */
export async function decodedPixels(path: string, scratch: string): Promise<Buffer> {
  const [input, output] = [join(scratch, 'frame.j2k'), join(scratch, 'frame.rawl')];
  await writeFile(input, await codestreamIn(await readFile(path)));
  await execute('opj_decompress', ['-i', input, '-o', output]);
  return readFile(output);
}

/** PS3.5 section A.4: the first item is the offset table, the others are the fragments of the frame. */
async function codestreamIn(file: Buffer): Promise<Buffer> {
  const { meta, dataSetOffset } = parseFileMeta(file)!;
  const dataSet = file.subarray(dataSetOffset);
  const scanner = new DataSetScanner({ transferSyntaxUid: meta.transferSyntaxUid, wanted: [] });
  await scanner.write(dataSet);
  let at = (await scanner.end()).pixelData!.valueOffset;
  const items: Buffer[] = [];
  while (dataSet.readUInt32LE(at) === ITEM) {
    const end = at + 8 + dataSet.readUInt32LE(at + 4);
    items.push(dataSet.subarray(at + 8, end));
    at = end;
  }
  return Buffer.concat(items.slice(1));
}
