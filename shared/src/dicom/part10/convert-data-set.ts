// A whole data set from implicit to explicit VR little endian, streaming: the header in memory, the pixel data passing by.
import type { DataSetScan } from './data-set-scanner.ts';
import { explicitHeader } from './element.ts';
import { implicitToExplicit } from './implicit-to-explicit.ts';
import { DicomParseError } from './parse-error.ts';
import { type ReadRange, rangeOf } from './splice.ts';

/** What stands before or behind the pixel data is held in memory. Enhanced objects of thousands of frames have some MiB. */
const MAX_HEADER_BYTES = 16 * 1024 * 1024;

/**
 * `scan`: of the whole implicit VR little endian data set. Pixel data becomes OW, its bytes unchanged. Throws DicomParseError, also when more than
 * 16 MiB stand beside the pixel data (then forward the original).
 */
export async function* toExplicitVr(scan: DataSetScan, read: ReadRange): AsyncGenerator<Buffer> {
  const { pixelData, endOffset } = scan;
  yield implicitToExplicit(await gather(read, { start: 0, end: pixelData?.headerOffset ?? endOffset }));
  if (pixelData === undefined) return;
  const { tag, valueOffset, length, endOffset: pixelEnd, undefinedLength } = pixelData;
  if (undefinedLength) throw new DicomParseError('encapsulated pixel data in implicit VR', { offset: valueOffset, tag });
  yield explicitHeader(tag, PIXEL_VRS.get(tag)!, length);
  yield* rangeOf(read, { start: valueOffset, end: pixelEnd });
  if (pixelEnd < endOffset) yield implicitToExplicit(await gather(read, { start: pixelEnd, end: endOffset }));
}

/** Pixel Data, Float Pixel Data, Double Float Pixel Data. */
const PIXEL_VRS: ReadonlyMap<number, string> = new Map([
  [0x7fe00010, 'OW'],
  [0x7fe00008, 'OF'],
  [0x7fe00009, 'OD'],
]);

async function gather(read: ReadRange, range: { start: number; end: number }): Promise<Buffer> {
  const bytes = range.end - range.start;
  if (bytes > MAX_HEADER_BYTES)
    throw new DicomParseError(`${bytes} bytes beside the pixel data are more than ${MAX_HEADER_BYTES}`, { offset: range.start });
  return bytes === 0 ? Buffer.alloc(0) : Buffer.concat(await Array.fromAsync(rangeOf(read, range)));
}
