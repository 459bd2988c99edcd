// Writes single data elements, little endian (PS3.5 sections 6.2 and 7.1).
import { isLongFormVr, vrPadding } from './value-representation.ts';

export { UNDEFINED_LENGTH } from './element-header.ts';

/** The largest even length of a 16-bit length field. */
const MAX_SHORT_LENGTH = 0xfffe;

export interface ElementToWrite {
  readonly tag: number;
  readonly vr: string;
  /** Little endian; padded here when odd. */
  readonly value: Buffer;
}

function writeTag(header: Buffer, tag: number): void {
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
}

/** The header of an element in explicit VR little endian; `length` 0xFFFFFFFF: undefined. A length that a 16-bit field cannot hold is refused with a RangeError. */
export function explicitHeader(tag: number, vr: string, length: number): Buffer {
  const header = Buffer.alloc(isLongFormVr(vr) ? 12 : 8);
  writeTag(header, tag);
  header.write(vr, 4, 'latin1');
  if (header.length === 12) header.writeUInt32LE(length, 8);
  else header.writeUInt16LE(length, 6);
  return header;
}

/** The header of an element in implicit VR, of an item, or of a delimiter. */
export function implicitHeader(tag: number, length: number): Buffer {
  const header = Buffer.alloc(8);
  writeTag(header, tag);
  header.writeUInt32LE(length, 4);
  return header;
}

/** The VR that can hold a value of this length: UN for what a 16-bit length cannot (PS3.5 section 6.2.2, note 2). */
export const vrForLength = (vr: string, length: number): string => (length > MAX_SHORT_LENGTH && !isLongFormVr(vr) ? 'UN' : vr);

/** The value with the padding byte of its VR when its length is odd. */
export function evenValue(value: Buffer, vr: string): Buffer {
  return value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.of(vrPadding(vr))]);
}

/** A whole element. */
export function encodeElement(element: ElementToWrite, explicit = true): Buffer {
  const value = evenValue(element.value, element.vr);
  if (!explicit) return Buffer.concat([implicitHeader(element.tag, value.length), value]);
  return Buffer.concat([explicitHeader(element.tag, vrForLength(element.vr, value.length), value.length), value]);
}

export const textElement = (tag: number, vr: string, text: string): ElementToWrite => ({ tag, vr, value: Buffer.from(text, 'latin1') });
