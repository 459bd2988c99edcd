// A data set that is held in memory as DICOM JSON, without its bulk data (PS3.18 section F.2, section 10.4.1.1.2).
import { decodeText } from '../dicom/part10/charset.ts';
import { characterSetTerms } from '../dicom/part10/data-set-scanner.ts';
import type { ElementEncoding } from '../dicom/part10/element-header.ts';
import { innerEncoding, type RawElement, rawElements, rawItems } from '../dicom/part10/raw-element.ts';
import { vrUnit } from '../dicom/part10/value-representation.ts';
import { type DicomJson, type DicomJsonElement, jsonElement } from './dicom-json.ts';
import { textElement } from './text-element.ts';

const SPECIFIC_CHARACTER_SET = 0x00080005;
const BINARY = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);
/** Longer binary values are bulk data, and left out: look-up tables, overlays, private blobs. */
const MOST_INLINE_BYTES = 1024;
/** (gggg,0010-00FF), gggg odd: LO, whatever implicit VR leaves open (PS3.5 section 7.8.1). */
const isPrivateCreator = (tag: number): boolean => ((tag >>> 16) & 1) === 1 && (tag & 0xffff) >= 0x10 && (tag & 0xffff) <= 0xff;
const isGroupLength = (tag: number): boolean => (tag & 0xffff) === 0;

/** Of the bytes up to the pixel data; in order of tags. Throws DicomParseError. */
export function dataSetJson(bytes: Buffer, encoding: ElementEncoding): DicomJson {
  return elementsJson({ bytes, encoding, start: 0, end: bytes.length, characterSet: [] });
}

interface Elements {
  readonly bytes: Buffer;
  readonly encoding: ElementEncoding;
  readonly start: number;
  readonly end: number;
  /** That of what is around; an item may have its own (PS3.3 section C.12.1.1.2). */
  readonly characterSet: readonly string[];
}

function elementsJson(elements: Elements): DicomJson {
  const { bytes, encoding, start, end } = elements;
  const listed = [...rawElements(bytes, encoding, { start, end })];
  const own = listed.find(({ tag }) => tag === SPECIFIC_CHARACTER_SET);
  const characterSet = own === undefined ? elements.characterSet : characterSetTerms(bytes.subarray(own.valueStart, own.valueEnd));
  const json: [string, DicomJsonElement][] = [];
  for (const element of listed) {
    if (isGroupLength(element.tag)) continue;
    const told = elementJson(element, { ...elements, characterSet });
    if (told !== undefined) json.push([element.tag.toString(16).toUpperCase().padStart(8, '0'), told]);
  }
  return Object.fromEntries(json.sort(([one], [other]) => (one < other ? -1 : 1)));
}

function elementJson(element: RawElement, elements: Elements): DicomJsonElement | undefined {
  const { valueStart, valueEnd, isOpen } = element;
  const vr = element.vr === 'UN' && isPrivateCreator(element.tag) ? 'LO' : element.vr;
  if (vr === 'SQ' || (vr === 'UN' && isOpen)) return sequenceJson(element, elements);
  // Fragments of pixel data, such as those of an icon.
  if (isOpen) return undefined;
  const value = littleEndian(elements.bytes.subarray(valueStart, valueEnd), vr, elements.encoding);
  if (!BINARY.has(vr)) return textElement(vr, decodeText(value, vr, elements.characterSet));
  if (value.length > MOST_INLINE_BYTES) return undefined;
  return value.length === 0 ? jsonElement(vr, []) : { vr, InlineBinary: value.toString('base64') };
}

/** UN of undefined length is a sequence too (PS3.5 section 6.2.2). */
function sequenceJson(sequence: RawElement, elements: Elements): DicomJsonElement {
  const encoding = innerEncoding(sequence, elements.encoding);
  const items = [...rawItems(elements.bytes, sequence, elements.encoding)];
  return jsonElement(
    'SQ',
    items.map(({ valueStart: start, valueEnd: end }) => elementsJson({ ...elements, encoding, start, end })),
  );
}

function littleEndian(value: Buffer, vr: string, { bigEndian }: ElementEncoding): Buffer {
  const unit = vr === 'AT' ? 2 : vrUnit(vr);
  if (!bigEndian || unit === 1 || value.length % unit !== 0) return value;
  const swapped = Buffer.from(value);
  return unit === 2 ? swapped.swap16() : unit === 4 ? swapped.swap32() : swapped.swap64();
}
