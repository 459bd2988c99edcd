// Writes elements, items and delimiters in any of the byte layouts of PS3.5 section 7: what is put into a data set is written as the data set is.
import { evenValue, vrForLength } from './element.ts';
import { type ElementEncoding, ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, UNDEFINED_LENGTH } from './element-header.ts';
import { isLongFormVr, vrUnit } from './value-representation.ts';

/** The header alone; `length` 0xFFFFFFFF: undefined. Items and delimiters (group FFFE) have no VR in any layout. */
export function headerBytes({ tag, vr }: { tag: number; vr: string }, length: number, encoding: ElementEncoding): Buffer {
  const explicit = encoding.explicit && tag >>> 16 !== 0xfffe;
  const header = Buffer.alloc(explicit && isLongFormVr(vr) ? 12 : 8);
  const number = (value: number, at: number, bytes: number): number =>
    encoding.bigEndian ? header.writeUIntBE(value, at, bytes) : header.writeUIntLE(value, at, bytes);
  number(tag >>> 16, 0, 2);
  number(tag & 0xffff, 2, 2);
  if (explicit) header.write(vr, 4, 'latin1');
  if (explicit && header.length === 8) number(length, 6, 2);
  else number(length, header.length - 4, 4);
  return header;
}

/** A whole element; `value` little endian, padded here when odd. */
export function elementBytes(element: { tag: number; vr: string; value: Buffer }, encoding: ElementEncoding): Buffer {
  const value = Buffer.from(evenValue(element.value, element.vr));
  const unit = vrUnit(element.vr);
  if (encoding.bigEndian && unit > 1) for (let at = 0; at + unit <= value.length; at += unit) value.subarray(at, at + unit).reverse();
  const vr = vrForLength(element.vr, value.length);
  return Buffer.concat([headerBytes({ tag: element.tag, vr }, value.length, encoding), value]);
}

/** A sequence or an item around bytes; `isOpen`: of undefined length, with its delimiter. */
export function enclosed(
  { tag, vr, isOpen = false }: { tag: number; vr: string; isOpen?: boolean },
  body: Buffer,
  encoding: ElementEncoding,
): Buffer {
  if (!isOpen) return Buffer.concat([headerBytes({ tag, vr }, body.length, encoding), body]);
  const delimiter = tag === ITEM ? ITEM_DELIMITER : SEQUENCE_DELIMITER;
  return Buffer.concat([headerBytes({ tag, vr }, UNDEFINED_LENGTH, encoding), body, headerBytes({ tag: delimiter, vr: '' }, 0, encoding)]);
}

export const itemBytes = (body: Buffer, encoding: ElementEncoding, isOpen = false): Buffer =>
  enclosed({ tag: ITEM, vr: '', isOpen }, body, encoding);
