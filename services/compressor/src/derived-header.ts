// What stands around the pixel data of the derived object: the source's own bytes, but for the elements that the codec changes.
import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { implicitToExplicit } from '@causeway/shared/dicom/part10/implicit-to-explicit';
import type { CompressibleImage } from './compressible.ts';
import type { SourceHeader } from './source-header.ts';

const PHOTOMETRIC_INTERPRETATION = 0x00280004;
const PLANAR_CONFIGURATION = 0x00280006;
/** Retired group lengths (PS3.5 section 7.2) would be wrong when something in their group changes; they are left out. */
const IMAGE_GROUP_LENGTH = 0x00280000;
/** Extended offset tables and the total length (7FE0,0001) to (7FE0,0003) speak of other fragments than ours (PS3.3 C.7.6.3). */
const PIXEL_GROUP_OTHERS = [0x7fe00000, 0x7fe00001, 0x7fe00002, 0x7fe00003];

export interface DerivedHeaderOptions {
  readonly image: CompressibleImage;
  /** The source is in explicit VR; else it is converted, for encapsulated pixel data is always explicit (PS3.5 section A.4). */
  readonly explicit: boolean;
}

/** The pieces in front of the pixel data element, in order; what is not changed is the source's memory itself. Throws DicomParseError. */
export function derivedHeader(source: SourceHeader, { image, explicit }: DerivedHeaderOptions): Buffer[] {
  const pieces = spliced(source, headerEdits(image, explicit));
  return explicit ? pieces : [implicitToExplicit(Buffer.concat(pieces))];
}

/** New bytes of a top-level element by tag; empty: the element is left out. */
type HeaderEdits = ReadonlyMap<number, Buffer>;

/** The reversible colour transform makes RGB to YBR_RCT, by pixel (PS3.3 C.7.6.3.1.2, PS3.5 sections 8.2.4 and 8.2.14). */
function headerEdits({ format }: CompressibleImage, explicit: boolean): HeaderEdits {
  const edits = new Map<number, Buffer>(PIXEL_GROUP_OTHERS.map((tag) => [tag, Buffer.alloc(0)]));
  if (format.samplesPerPixel === 1) return edits;
  const photometric = { tag: PHOTOMETRIC_INTERPRETATION, vr: 'CS', value: Buffer.from('YBR_RCT ') };
  const planar = { tag: PLANAR_CONFIGURATION, vr: 'US', value: Buffer.alloc(2) };
  edits.set(IMAGE_GROUP_LENGTH, Buffer.alloc(0));
  edits.set(PHOTOMETRIC_INTERPRETATION, encodeElement(photometric, explicit));
  edits.set(PLANAR_CONFIGURATION, encodeElement(planar, explicit));
  return edits;
}

function spliced({ bytes, scan }: SourceHeader, edits: HeaderEdits): Buffer[] {
  const pieces: Buffer[] = [];
  const end = scan.pixelData!.headerOffset;
  let copied = 0;
  for (const element of scan.elements) {
    const edit = edits.get(element.tag);
    if (edit === undefined || element.headerOffset >= end) continue;
    pieces.push(bytes.subarray(copied, element.headerOffset), edit);
    copied = element.endOffset;
  }
  pieces.push(bytes.subarray(copied, end));
  return pieces.filter((piece) => piece.length > 0);
}
