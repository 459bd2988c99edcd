// The item structure that A-ASSOCIATE PDUs are made of: type, length, value, and how their texts are padded (PS3.8 section 9.3.1).
import { PduError } from './pdu-reader.ts';

export interface Item {
  readonly type: number;
  readonly value: Buffer;
}

/** Byte 1 type, 2 reserved, 3-4 length of the value. Throws PduError when an item ends beyond `bytes`. */
export function readItems(bytes: Buffer): Item[] {
  const items: Item[] = [];
  let position = 0;
  while (position < bytes.length) {
    const end = position + 4 <= bytes.length ? position + 4 + bytes.readUInt16BE(position + 2) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new PduError(6, `item at byte ${position} ends beyond its PDU or item of ${bytes.length} bytes`);
    items.push({ type: bytes[position] as number, value: bytes.subarray(position + 4, end) });
    position = end;
  }
  return items;
}

/** Throws PduError. */
export function requireLength(item: Item, length: number): void {
  if (item.value.length >= length) return;
  throw new PduError(6, `item 0x${item.type.toString(16)} of ${item.value.length} bytes, at least ${length} are needed`);
}

/** AE titles are padded with spaces; UIDs should have no padding here (PS3.8 Annex F), but some senders keep NUL or space. */
export function trimmedText(bytes: Buffer): string {
  let start = 0;
  let end = bytes.length;
  while (end > start && isPadding(bytes[end - 1])) end--;
  while (start < end && isPadding(bytes[start])) start++;
  return bytes.toString('latin1', start, end);
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0 || byte === 0x20;
}
