// Offset tables of encapsulated pixel data with one fragment a frame (PS3.5 section A.4, PS3.3 section C.7.6.3.1.8).
import type { ElementToWrite } from './element.ts';

const EXTENDED_OFFSET_TABLE = 0x7fe00001;
const EXTENDED_OFFSET_TABLE_LENGTHS = 0x7fe00002;
const ITEM_HEADER_BYTES = 8;
const MAX_32_BIT = 0xffffffff;

export interface OffsetTables {
  /** Value of the Basic Offset Table item; empty when an offset does not fit in 32 bits. */
  readonly basic: Buffer;
  /** (7FE0,0001) and (7FE0,0002), to be set in the data set; only when `basic` is empty, as the standard asks. Lengths are those without padding. */
  readonly extended: readonly ElementToWrite[];
}

/** `lengths`: of each frame in order, before padding, bytes. */
export function offsetTables(lengths: readonly number[]): OffsetTables {
  const offsets: number[] = [];
  let offset = 0;
  for (const length of lengths) {
    offsets.push(offset);
    offset += ITEM_HEADER_BYTES + length + (length % 2);
  }
  if ((offsets.at(-1) ?? 0) <= MAX_32_BIT) return { basic: numbers32(offsets), extended: [] };
  return {
    basic: Buffer.alloc(0),
    extended: [
      { tag: EXTENDED_OFFSET_TABLE, vr: 'OV', value: numbers64(offsets) },
      { tag: EXTENDED_OFFSET_TABLE_LENGTHS, vr: 'OV', value: numbers64(lengths) },
    ],
  };
}

function numbers32(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32LE(value, index * 4);
  return bytes;
}

function numbers64(values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), index * 8);
  return bytes;
}
