// Some elements of a data set, held in memory, read as text and changed: the data set around them is not here, see splice.ts.
import { dictionaryVr } from '../dictionary.ts';
import { decodeText } from './charset.ts';
import { characterSetTerms } from './data-set-scanner.ts';
import { elementBytes } from './element-bytes.ts';
import type { ElementEncoding } from './element-header.ts';
import { withReplacement } from './nested-edit.ts';
import { innerEncoding, type RawElement, rawElements, rawItems } from './raw-element.ts';
import { vrUnit } from './value-representation.ts';
import { encodeValue, isWritableVr, UnfitValue } from './value-text.ts';

const SPECIFIC_CHARACTER_SET = 0x00080005;
const isPrivate = (tag: number): boolean => ((tag >>> 16) & 1) === 1;
/** (gggg,00bb), which reserves the block of (gggg,bbee) (PS3.5 section 7.8.1); undefined: not in a reserved block. */
export function creatorOf(tag: number): number | undefined {
  const block = (tag >>> 8) & 0xff;
  return isPrivate(tag) && block >= 0x10 ? ((tag & 0xffff0000) | block) >>> 0 : undefined;
}

/** A top-level element that is no longer as it was, header and all. `before` undefined: it was not there; `after` undefined: it is gone. */
export interface ElementChange {
  readonly tag: number;
  readonly before?: Buffer;
  readonly after?: Buffer;
}

interface Found {
  readonly element: RawElement;
  readonly bytes: Buffer;
  readonly encoding: ElementEncoding;
  readonly characterSet: readonly string[];
}

/**
 * `elements`: by tag, each whole as it stands in the data set; those that are not there are absent. Tags lead through the first item of each
 * sequence, outermost first. Reading throws DicomParseError when what is held cannot be parsed.
 */
export class DataSetEdits {
  readonly encoding: ElementEncoding;
  readonly #before: ReadonlyMap<number, Buffer>;
  readonly #now: Map<number, Buffer>;

  constructor(elements: ReadonlyMap<number, Buffer>, encoding: ElementEncoding) {
    this.#before = elements;
    this.#now = new Map(elements);
    this.encoding = encoding;
  }

  /** With the changes made so far; what is done to it is not done here. */
  copy(): DataSetEdits {
    const copied = new DataSetEdits(this.#before, this.encoding);
    for (const [tag, bytes] of this.#now) copied.#now.set(tag, bytes);
    for (const tag of this.#before.keys()) if (!this.#now.has(tag)) copied.#now.delete(tag);
    return copied;
  }

  /** Decoded by the character set of its item or data set, trimmed; undefined: it is not there. */
  text(tags: readonly number[]): string | undefined {
    const found = this.#find(tags);
    if (found === undefined) return undefined;
    return decodeText(valueBytes(found), readableVr(found.element), found.characterSet);
  }

  /** Several values are joined by a backslash. What says the same already stays as it is. Throws UnfitValue. */
  set(tags: readonly number[], text: string): void {
    if (this.text(tags) === text) return;
    const tag = tags.at(-1)!;
    const vr = this.#vrToWrite(tags);
    const element = { tag, vr, value: encodeValue(text, vr, this.#characterSetAt(tags)) };
    // Sequences written as UN, which are implicit inside, are refused by withReplacement: everything is written as the data set is.
    this.#replace(tags, elementBytes(element, this.encoding));
  }

  remove(tags: readonly number[]): void {
    if (this.#find(tags) !== undefined) this.#replace(tags, Buffer.alloc(0));
  }

  /** In order of tags. */
  changes(): ElementChange[] {
    const tags = [...new Set([...this.#before.keys(), ...this.#now.keys()])].sort((a, b) => a - b);
    return tags
      .map((tag) => ({ tag, before: this.#before.get(tag), after: this.#now.get(tag) }))
      .filter(({ before, after }) => before !== after && !(before !== undefined && after?.equals(before)));
  }

  #replace(tags: readonly number[], element: Buffer): void {
    const [outermost] = tags as [number];
    const result = withReplacement(this.#now.get(outermost) ?? Buffer.alloc(0), { tags, element }, this.encoding);
    if (result.length === 0) this.#now.delete(outermost);
    else this.#now.set(outermost, result);
  }

  #find(tags: readonly number[]): Found | undefined {
    const top = this.#now.get(tags[0]!);
    if (top === undefined) return undefined;
    let place: Place = { bytes: top, encoding: this.encoding, characterSet: this.characterSet() };
    for (const [depth, tag] of tags.entries()) {
      const element = firstOf(place, tag);
      if (element === undefined) return undefined;
      if (depth === tags.length - 1) return { element, ...place };
      const inside = itemOf(place, element);
      if (inside === undefined) return undefined;
      place = inside;
    }
    return undefined;
  }

  /** Of the innermost item that is there. */
  #characterSetAt(tags: readonly number[]): readonly string[] {
    for (let depth = tags.length - 1; depth > 0; depth--) {
      const sequence = this.#find(tags.slice(0, depth));
      const inside = sequence && itemOf(sequence, sequence.element);
      if (inside !== undefined) return inside.characterSet;
    }
    return this.characterSet();
  }

  /** Defined terms of the data set's own (0008,0005). */
  characterSet(): string[] {
    const bytes = this.#now.get(SPECIFIC_CHARACTER_SET);
    return bytes === undefined ? [] : characterSetIn({ bytes, encoding: this.encoding });
  }

  /** The VR of the standard; for what it leaves open or does not know, that of the element as it stands. Throws UnfitValue when neither says. */
  #vrToWrite(tags: readonly number[]): string {
    const tag = tags.at(-1)!;
    const standing = this.encoding.explicit ? this.#find(tags)?.element.vr : undefined;
    const known = dictionaryVr(tag);
    const vr = known !== undefined && isWritableVr(known) ? known : standing;
    if (vr === undefined || !isWritableVr(vr)) throw new UnfitValue('its VR is not known, or holds no text');
    if (tags.length === 1) this.#checkCreator(tag);
    return vr;
  }

  #checkCreator(tag: number): void {
    const creator = creatorOf(tag);
    if (creator !== undefined && !this.text([creator])) throw new UnfitValue('no private creator reserves its block');
  }
}

interface Place {
  readonly bytes: Buffer;
  readonly encoding: ElementEncoding;
  readonly characterSet: readonly string[];
}

function firstOf({ bytes, encoding }: Pick<Place, 'bytes' | 'encoding'>, tag: number): RawElement | undefined {
  for (const element of rawElements(bytes, encoding)) if (element.tag === tag) return element;
  return undefined;
}

/** The first item of a sequence; undefined: it has none, or is no sequence. */
function itemOf(place: Place, sequence: RawElement): Place | undefined {
  if (!['SQ', 'UN'].includes(sequence.vr)) return undefined;
  const [item] = rawItems(place.bytes, sequence, place.encoding);
  if (item === undefined) return undefined;
  const bytes = place.bytes.subarray(item.valueStart, item.valueEnd);
  const encoding = innerEncoding(sequence, place.encoding);
  const hasOwn = firstOf({ bytes, encoding }, SPECIFIC_CHARACTER_SET) !== undefined;
  return { bytes, encoding, characterSet: hasOwn ? characterSetIn({ bytes, encoding }) : place.characterSet };
}

function characterSetIn({ bytes, encoding }: Pick<Place, 'bytes' | 'encoding'>): string[] {
  const element = firstOf({ bytes, encoding }, SPECIFIC_CHARACTER_SET)!;
  return characterSetTerms(bytes.subarray(element.valueStart, element.valueEnd));
}

const readableVr = ({ vr, tag }: RawElement): string => (vr === 'UN' ? (dictionaryVr(tag) ?? 'UN') : vr);

/** Little endian, whatever the data set is. */
function valueBytes({ element, bytes, encoding }: Found): Buffer {
  const value = Buffer.from(bytes.subarray(element.valueStart, element.valueEnd));
  const unit = vrUnit(element.vr);
  if (encoding.bigEndian && unit > 1) for (let at = 0; at + unit <= value.length; at += unit) value.subarray(at, at + unit).reverse();
  return value;
}
