// What a data set says of its own coercion: one more item of the Original Attributes Sequence (0400,0561) (PS3.3 section C.12.1.1.9).
import { encodeText } from './charset-encode.ts';
import type { ElementChange } from './data-set-edits.ts';
import { elementBytes, enclosed, headerBytes, itemBytes } from './element-bytes.ts';
import type { ElementEncoding } from './element-header.ts';
import { type RawElement, rawElements } from './raw-element.ts';
import { UnfitValue } from './value-text.ts';

export const ORIGINAL_ATTRIBUTES = 0x04000561;
const MODIFIED_ATTRIBUTES = 0x04000550;

export interface Modification {
  /** In order of tags. */
  readonly changes: readonly ElementChange[];
  /** Private creators of private elements among the changes, whole: they stand with them. */
  readonly creators: readonly Buffer[];
  /** When: ISO 8601, UTC. */
  readonly at: string;
  /** Our own name; LO. */
  readonly system: string;
  /** Who sent the instance as it was; LO. What the character set lacks leaves it empty. */
  readonly source: string;
  readonly specificCharacterSet: readonly string[];
}

/**
 * The whole sequence, with the item for this modification at its end; `existing`: the sequence as it stands, whole. Attributes that were absent are listed
 * with a zero-length value. Throws UnfitValue when the existing sequence cannot be extended, DicomParseError.
 */
export function withOriginalAttributes(existing: Buffer | undefined, modification: Modification, encoding: ElementEncoding): Buffer {
  const item = itemBytes(itemBody(modification, encoding), encoding);
  if (existing === undefined) return enclosed({ tag: ORIGINAL_ATTRIBUTES, vr: 'SQ' }, item, encoding);
  const sequence = firstElement(existing, encoding);
  if (encoding.explicit && sequence.vr !== 'SQ')
    throw new UnfitValue('its Original Attributes Sequence is written as UN and cannot be extended');
  const items = Buffer.concat([existing.subarray(sequence.valueStart, sequence.valueEnd), item]);
  return enclosed({ tag: ORIGINAL_ATTRIBUTES, vr: 'SQ', isOpen: sequence.isOpen }, items, encoding);
}

function itemBody(modification: Modification, encoding: ElementEncoding): Buffer {
  const { at, system, source, specificCharacterSet } = modification;
  const text = (tag: number, vr: string, value: Buffer): Buffer => elementBytes({ tag, vr, value }, encoding);
  const previous = Buffer.concat(previousValues(modification, encoding));
  return Buffer.concat([
    enclosed({ tag: MODIFIED_ATTRIBUTES, vr: 'SQ' }, itemBytes(previous, encoding), encoding),
    text(0x04000562, 'DT', Buffer.from(dateTime(at))),
    text(0x04000563, 'LO', encodeText(system, 'LO', specificCharacterSet) ?? Buffer.alloc(0)),
    text(0x04000564, 'LO', encodeText(source, 'LO', specificCharacterSet) ?? Buffer.alloc(0)),
    text(0x04000565, 'CS', Buffer.from('COERCE')),
  ]);
}

/** Each as it stood, byte for byte, with the creators of private ones; in order of tags. */
function previousValues({ changes, creators }: Modification, encoding: ElementEncoding): Buffer[] {
  const values = new Map<number, Buffer>();
  for (const creator of creators) values.set(tagOf(creator, encoding), creator);
  for (const { tag, before, after } of changes) values.set(tag, before ?? emptied(after!, encoding));
  return [...values].sort(([a], [b]) => a - b).map(([, bytes]) => bytes);
}

/** The element with a value of zero length. */
function emptied(bytes: Buffer, encoding: ElementEncoding): Buffer {
  return headerBytes(firstElement(bytes, encoding), 0, encoding);
}

const tagOf = (bytes: Buffer, encoding: ElementEncoding): number => firstElement(bytes, encoding).tag;

const firstElement = (bytes: Buffer, encoding: ElementEncoding): RawElement => rawElements(bytes, encoding).next().value!;

/** DT, to the millisecond, with the offset from UTC (PS3.5 section 6.2). */
const dateTime = (iso: string): string => `${new Date(iso).toISOString().replace(/[-:TZ]/g, '')}+0000`;
