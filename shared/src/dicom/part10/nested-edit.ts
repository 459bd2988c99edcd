// Replaces one element at any depth: sequences and items around it are written anew with their new lengths, everything else is the original's own bytes.
import { elementBytes, enclosed, itemBytes } from './element-bytes.ts';
import type { ElementEncoding } from './element-header.ts';
import { innerEncoding, type RawElement, rawElements, rawItems } from './raw-element.ts';
import { UnfitValue } from './value-text.ts';

export interface Replacement {
  /** The tags down to the element, outermost first; the first item of each sequence is meant. */
  readonly tags: readonly number[];
  /** The new element, header and all; empty: it is taken out. */
  readonly element: Buffer;
}

/** The elements of a data set or item with the replacement made; a sequence that is missing is made when there is something to put into it. Throws DicomParseError, UnfitValue. */
export function withReplacement(elements: Buffer, { tags, element }: Replacement, encoding: ElementEncoding): Buffer {
  const [tag, ...inner] = tags as [number, ...number[]];
  const { found, at } = find(elements, tag, encoding);
  const replaced = inner.length === 0 ? element : sequenceWith({ elements, found, tag }, { tags: inner, element }, encoding);
  const end = found?.end ?? at;
  return Buffer.concat([elements.subarray(0, at), replaced, elements.subarray(end)]);
}

/** The element, or where it belongs in order of tags. */
function find(elements: Buffer, tag: number, encoding: ElementEncoding): { found?: RawElement; at: number } {
  let at: number | undefined;
  for (const element of rawElements(elements, encoding)) {
    if (element.tag === tag) return { found: element, at: element.start };
    if (element.tag > tag) at ??= element.start;
  }
  return { at: at ?? elements.length };
}

interface Sequence {
  readonly elements: Buffer;
  readonly found?: RawElement;
  readonly tag: number;
}

function sequenceWith({ elements, found, tag }: Sequence, replacement: Replacement, encoding: ElementEncoding): Buffer {
  const [item] = found === undefined ? [] : rawItems(elements, found, encoding);
  if (item === undefined) {
    if (replacement.element.length === 0) return found === undefined ? Buffer.alloc(0) : elements.subarray(found.start, found.end);
    const body = withReplacement(Buffer.alloc(0), replacement, encoding);
    return enclosed({ tag, vr: 'SQ', isOpen: found?.isOpen }, itemBytes(body, encoding), encoding);
  }
  if (found!.vr === 'UN' && encoding.explicit) throw new UnfitValue('a sequence that is written as UN is not changed inside');
  const inside = innerEncoding(found!, encoding);
  const before = elements.subarray(item.valueStart, item.valueEnd);
  const group = replacement.tags[0]! >>> 16;
  const body = withTrueGroupLength(withReplacement(before, replacement, inside), group, inside);
  const items = Buffer.concat([
    elements.subarray(found!.valueStart, item.start),
    itemBytes(body, inside, item.isOpen),
    elements.subarray(item.end, found!.valueEnd),
  ]);
  return enclosed({ tag, vr: found!.vr, isOpen: found!.isOpen }, items, encoding);
}

/** A group length (gggg,0000), retired but met, says how many bytes of its group follow (PS3.5 section 7.2). */
function withTrueGroupLength(elements: Buffer, group: number, encoding: ElementEncoding): Buffer {
  const ofGroup = [...rawElements(elements, encoding)].filter(({ tag }) => tag >>> 16 === group);
  const length = ofGroup.find(({ tag }) => (tag & 0xffff) === 0);
  if (length === undefined || length.valueEnd - length.valueStart !== 4) return elements;
  const bytes = ofGroup.filter((element) => element !== length).reduce((sum, { start, end }) => sum + end - start, 0);
  return Buffer.concat([elements.subarray(0, length.start), groupLengthBytes(group, bytes, encoding), elements.subarray(length.end)]);
}

export function groupLengthBytes(group: number, length: number, encoding: ElementEncoding): Buffer {
  const value = Buffer.alloc(4);
  value.writeUInt32LE(length);
  return elementBytes({ tag: (group << 16) >>> 0, vr: 'UL', value }, encoding);
}
