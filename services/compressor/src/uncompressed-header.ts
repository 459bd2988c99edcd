// What stands in front of the pixel data of an uncompressed object: the source's own bytes, but for the elements that speak of the encoding.

import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { EXPLICIT_LITTLE } from '@causeway/shared/dicom/part10/element-header';
import { planCuts, spliced } from '@causeway/shared/dicom/part10/splice';
import type { DecodableImage } from './decodable.ts';
import type { SourceHeader } from './source-header.ts';

const PHOTOMETRIC_INTERPRETATION = 0x00280004;
const PLANAR_CONFIGURATION = 0x00280006;
const LOSSY_IMAGE_COMPRESSION = 0x00282110;
const LOSSY_IMAGE_COMPRESSION_RATIO = 0x00282112;
const LOSSY_IMAGE_COMPRESSION_METHOD = 0x00282114;

export const LOSSY_PATHS: readonly string[] = ['00282110', '00282112', '00282114'];

export interface UncompressedHeader {
  readonly image: DecodableImage;
  /** The codestreams are lossy: that is said for ever (PS3.3 C.7.6.1.1.5), and is told here where the source does not. */
  readonly lossy: boolean;
  /** Bytes of the pixel data as it came, for the ratio. */
  readonly compressedBytes: number;
}

/** Up to group 7FE0, whose offset tables and lengths speak of fragments. Throws Unspliceable. */
export async function uncompressedHeader(source: SourceHeader, header: UncompressedHeader): Promise<Buffer> {
  const { bytes, scan } = source;
  const end = (scan.elements.find(({ tag }) => tag >>> 16 === 0x7fe0) ?? scan.pixelData!).headerOffset;
  const elements = scan.elements.filter(({ headerOffset }) => headerOffset < end);
  const cuts = planCuts({
    scan: { ...scan, elements, endOffset: end, pixelData: undefined },
    encoding: EXPLICIT_LITTLE,
    replacements: new Map(replacements(source, header).map((element) => [element.tag, encodeElement(element)])),
  });
  async function* chunks(): AsyncGenerator<Buffer> {
    yield bytes.subarray(0, end);
  }
  return Buffer.concat(await Array.fromAsync(spliced(chunks(), cuts)));
}

function replacements({ scan }: SourceHeader, { image, lossy, compressedBytes }: UncompressedHeader) {
  const text = (tag: number, vr: string, value: string) => ({ tag, vr, value: Buffer.from(value, 'latin1') });
  const changed = [];
  if (image.frame.samplesPerPixel > 1) {
    if (image.photometricInterpretation !== image.frame.photometricInterpretation)
      changed.push(text(PHOTOMETRIC_INTERPRETATION, 'CS', image.photometricInterpretation));
    changed.push({ tag: PLANAR_CONFIGURATION, vr: 'US', value: Buffer.alloc(2) });
  }
  const said = scan.values.get('00282110')?.toString('latin1').trim();
  if (!lossy || said === '01') return changed;
  const ratio = (image.frameBytes * image.frames) / Math.max(1, compressedBytes);
  changed.push(text(LOSSY_IMAGE_COMPRESSION, 'CS', '01'));
  if (!scan.values.get('00282112')?.length) changed.push(text(LOSSY_IMAGE_COMPRESSION_RATIO, 'DS', ratio.toFixed(2)));
  if (!scan.values.get('00282114')?.length) changed.push(text(LOSSY_IMAGE_COMPRESSION_METHOD, 'CS', image.decoding.method));
  return changed;
}
