// Rewrites elements from explicit VR big to little endian: numbers change their byte order by VR, everything else stays as it is (PS3.5 section 7.3).
import { explicitHeader, implicitHeader } from './element.ts';
import { EXPLICIT_BIG, ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, UNDEFINED_LENGTH } from './element-header.ts';
import { DicomParseError } from './parse-error.ts';
import { type RawElement, rawElements, rawItems, type Span } from './raw-element.ts';
import { vrUnit } from './value-representation.ts';

/** As RawElement: a sequence and its item are two levels. */
const MAX_DEPTH = 64;

/**
 * `elements`: top-level elements of an explicit VR big endian data set, whole, held in memory by the caller (who bounds it). Group lengths (retired, and
 * wrong afterwards) are left out. UN stays as it is: what is inside is little endian already, or nobody knows (PS3.5 section 6.2.2). Throws DicomParseError.
 */
export function bigToLittle(elements: Buffer): Buffer {
  return Buffer.concat(convertedElements(elements, { start: 0, end: elements.length }, 0));
}

function convertedElements(bytes: Buffer, span: Span, depth: number): Buffer[] {
  if (depth > MAX_DEPTH) throw new DicomParseError(`sequences nested deeper than ${MAX_DEPTH}`, { offset: span.start });
  const kept = [...rawElements(bytes, EXPLICIT_BIG, span)].filter(({ tag }) => (tag & 0xffff) !== 0);
  return kept.flatMap((element) => converted(bytes, element, depth));
}

function converted(bytes: Buffer, element: RawElement, depth: number): Buffer[] {
  const { tag, vr, valueStart, valueEnd, isOpen } = element;
  const value = bytes.subarray(valueStart, valueEnd);
  if (vr === 'SQ') return sequence(bytes, element, depth);
  if (!isOpen) return [explicitHeader(tag, vr, value.length), swapped(value, vr)];
  if (vr !== 'UN') throw new DicomParseError('undefined length where neither a sequence nor UN is', { offset: element.start, tag });
  return [explicitHeader(tag, vr, UNDEFINED_LENGTH), value, implicitHeader(SEQUENCE_DELIMITER, 0)];
}

function sequence(bytes: Buffer, element: RawElement, depth: number): Buffer[] {
  const items = [...rawItems(bytes, element, EXPLICIT_BIG)].flatMap((item) => {
    const body = convertedElements(bytes, { start: item.valueStart, end: item.valueEnd }, depth + 1);
    if (!item.isOpen) return [implicitHeader(ITEM, lengthOf(body)), ...body];
    return [implicitHeader(ITEM, UNDEFINED_LENGTH), ...body, implicitHeader(ITEM_DELIMITER, 0)];
  });
  if (!element.isOpen) return [explicitHeader(element.tag, 'SQ', lengthOf(items)), ...items];
  return [explicitHeader(element.tag, 'SQ', UNDEFINED_LENGTH), ...items, implicitHeader(SEQUENCE_DELIMITER, 0)];
}

const lengthOf = (pieces: readonly Buffer[]): number => pieces.reduce((sum, { length }) => sum + length, 0);

/** A copy in the other byte order; what is left over of an odd value stays as it is. */
export function swapped(value: Buffer, vr: string): Buffer {
  const unit = vrUnit(vr);
  if (unit === 1) return value;
  const turned = Buffer.from(value);
  const whole = turned.subarray(0, turned.length - (turned.length % unit));
  if (unit === 2) whole.swap16();
  else if (unit === 4) whole.swap32();
  else whole.swap64();
  return turned;
}
