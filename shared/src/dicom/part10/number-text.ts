// Binary numbers as decimal text (PS3.5 section 6.2).

type ReadNumber = (value: Buffer, at: number) => string;

const hex = (number: number): string => number.toString(16).toUpperCase().padStart(4, '0');

const NUMBERS: ReadonlyMap<string, { readonly bytes: number; readonly read: ReadNumber }> = new Map([
  ['US', { bytes: 2, read: (value, at) => String(value.readUInt16LE(at)) }],
  ['SS', { bytes: 2, read: (value, at) => String(value.readInt16LE(at)) }],
  ['UL', { bytes: 4, read: (value, at) => String(value.readUInt32LE(at)) }],
  ['SL', { bytes: 4, read: (value, at) => String(value.readInt32LE(at)) }],
  ['UV', { bytes: 8, read: (value, at) => String(value.readBigUInt64LE(at)) }],
  ['SV', { bytes: 8, read: (value, at) => String(value.readBigInt64LE(at)) }],
  ['FL', { bytes: 4, read: (value, at) => String(value.readFloatLE(at)) }],
  ['FD', { bytes: 8, read: (value, at) => String(value.readDoubleLE(at)) }],
  ['AT', { bytes: 4, read: (value, at) => hex(value.readUInt16LE(at)) + hex(value.readUInt16LE(at + 2)) }],
]);
const BINARY = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ']);

/** Values joined by a backslash, an incomplete last one left out; '' for bulk data; undefined: not a VR of numbers. */
export function numbersText(value: Buffer, vr: string): string | undefined {
  if (BINARY.has(vr)) return '';
  const form = NUMBERS.get(vr);
  if (form === undefined) return undefined;
  const texts: string[] = [];
  for (let at = 0; at + form.bytes <= value.length; at += form.bytes) texts.push(form.read(value, at));
  return texts.join('\\');
}
