// The header of one data element: tag, VR and length in each encoding (PS3.5 sections 7.1.2, 7.1.3 and 7.5).
import { isKnownVr, isShortForm } from './value-representation.ts';

export const UNDEFINED_LENGTH = 0xffffffff;
export const ITEM = 0xfffee000;
export const ITEM_DELIMITER = 0xfffee00d;
export const SEQUENCE_DELIMITER = 0xfffee0dd;

/** How elements are written: one of the byte layouts of PS3.5 section 7. */
export interface ElementEncoding {
  readonly explicit: boolean;
  readonly bigEndian: boolean;
}
export const EXPLICIT_LITTLE: ElementEncoding = { explicit: true, bigEndian: false };
export const IMPLICIT_LITTLE: ElementEncoding = { explicit: false, bigEndian: false };
export const EXPLICIT_BIG: ElementEncoding = { explicit: true, bigEndian: true };

/** '??' is what DCMTK writes, in the short form, for a VR that it does not know. */
const QUESTION_MARKS = 0x3f3f;
const isUpperCase = (byte: number): boolean => byte >= 0x41 && byte <= 0x5a;

/** The VR letters that stand where an explicit header has them. */
export const vrAt = (bytes: Buffer, at: number): number => (bytes[at + 4]! << 8) | bytes[at + 5]!;
export const isGroup2At = (bytes: Buffer, at: number): boolean => bytes[at] === 2 && bytes[at + 1] === 0 && isKnownVr(vrAt(bytes, at));

/** The first elements of a data set or of an item; group length to SOP Instance UID, whose values are short. */
const LAST_SHORT_FIRST_TAG = 0x00080018;

/**
 * Whether bytes that should be an implicit header are an explicit one. An odd number where the length would be is none (values are even), nor is
 * one of 16 KiB or more in the very first elements of a data set.
 */
export function looksExplicitAt(bytes: Buffer, at: number): boolean {
  if (!isKnownVr(vrAt(bytes, at))) return false;
  const tag = ((bytes.readUInt16LE(at) << 16) | bytes.readUInt16LE(at + 2)) >>> 0;
  return (bytes[at + 4]! & 1) === 1 || tag <= LAST_SHORT_FIRST_TAG;
}

/** One header, read again and again into the same object: reading allocates nothing. */
export class ElementHeader {
  tag = 0;
  /** Two letters as one number; 0 where the encoding has none: implicit VR, items and delimiters. */
  vr = 0;
  length = 0;
  /** Bytes of the header itself: 8 or 12. */
  size = 8;
  /** The two bytes are no VR: the data set is not in explicit VR. Length is not read then. */
  badVr = false;
  encoding: ElementEncoding = EXPLICIT_LITTLE;

  /** Reads at `at`, where bytes up to `end` are there. False: more bytes are needed. */
  read(bytes: Buffer, at: number, end: number): boolean {
    if (end - at < 8) return false;
    const big = this.encoding.bigEndian;
    this.tag = big ? bytes.readUInt32BE(at) : ((bytes.readUInt16LE(at) << 16) | bytes.readUInt16LE(at + 2)) >>> 0;
    this.size = 8;
    this.badVr = false;
    if (this.encoding.explicit && this.tag >>> 16 !== 0xfffe) return this.#readExplicit(bytes, at, end);
    this.vr = 0;
    this.length = big ? bytes.readUInt32BE(at + 4) : bytes.readUInt32LE(at + 4);
    return true;
  }

  #readExplicit(bytes: Buffer, at: number, end: number): boolean {
    const big = this.encoding.bigEndian;
    this.vr = vrAt(bytes, at);
    if (isShortForm(this.vr) || this.vr === QUESTION_MARKS) {
      this.length = big ? bytes.readUInt16BE(at + 6) : bytes.readUInt16LE(at + 6);
      return true;
    }
    // Any other two capital letters are a VR of the future: 32-bit length (PS3.5 section 6.2, note on future VRs).
    this.badVr = !isUpperCase(bytes[at + 4]!) || !isUpperCase(bytes[at + 5]!);
    if (this.badVr) return true;
    if (end - at < 12) return false;
    this.size = 12;
    this.length = big ? bytes.readUInt32BE(at + 8) : bytes.readUInt32LE(at + 8);
    return true;
  }
}
