// Elements and items in bytes that are held in memory: where each begins and ends, in any byte layout. The caller bounds the bytes.
import { vrOfTag } from '../dictionary.ts';
import {
  type ElementEncoding,
  ElementHeader,
  IMPLICIT_LITTLE,
  ITEM,
  ITEM_DELIMITER,
  SEQUENCE_DELIMITER,
  UNDEFINED_LENGTH,
} from './element-header.ts';
import { DicomParseError } from './parse-error.ts';
import { vrName } from './value-representation.ts';

const MAX_DEPTH = 64;

/** Offsets into the bytes. `isOpen`: of undefined length; its delimiter stands between `valueEnd` and `end`. */
export interface RawElement {
  readonly tag: number;
  /** The data set's own; by the dictionary where that is missing. '' for items. */
  readonly vr: string;
  readonly start: number;
  readonly valueStart: number;
  readonly valueEnd: number;
  readonly end: number;
  readonly isOpen: boolean;
}

export interface Span {
  readonly start: number;
  readonly end: number;
}

const spanOf = (bytes: Buffer): Span => ({ start: 0, end: bytes.length });

/** Elements of a data set or of an item, or items of a sequence, in the order they stand. Throws DicomParseError. */
export function* rawElements(bytes: Buffer, encoding: ElementEncoding, span: Span = spanOf(bytes)): Generator<RawElement> {
  for (let at = span.start; at < span.end; ) {
    const element = new Reading(bytes, span.end).element(at, encoding, 0);
    yield element;
    at = element.end;
  }
}

/** How what is inside is written: UN holds implicit VR little endian (PS3.5 section 6.2.2). */
export const innerEncoding = ({ vr }: Pick<RawElement, 'vr'>, encoding: ElementEncoding): ElementEncoding =>
  vr === 'UN' ? IMPLICIT_LITTLE : encoding;

/** The items of a sequence. Throws DicomParseError, also when it is none. */
export function* rawItems(bytes: Buffer, sequence: RawElement, encoding: ElementEncoding): Generator<RawElement> {
  const span = { start: sequence.valueStart, end: sequence.valueEnd };
  for (const item of rawElements(bytes, innerEncoding(sequence, encoding), span)) {
    if (item.tag !== ITEM)
      throw new DicomParseError('neither item nor delimiter inside a sequence', { offset: item.start, tag: sequence.tag });
    yield item;
  }
}

class Reading {
  readonly #bytes: Buffer;
  readonly #end: number;

  constructor(bytes: Buffer, end: number) {
    this.#bytes = bytes;
    this.#end = end;
  }

  element(start: number, encoding: ElementEncoding, depth: number): RawElement {
    const header = this.#header(start, encoding);
    const { tag, length } = header;
    const valueStart = start + header.size;
    const vr = tag === ITEM ? '' : header.vr === 0 ? vrOfTag(tag) : vrName(header.vr);
    const isOpen = length === UNDEFINED_LENGTH;
    const valueEnd = isOpen ? this.#delimiter(valueStart, { tag, encoding: innerEncoding({ vr }, encoding), depth }) : valueStart + length;
    const end = isOpen ? valueEnd + 8 : valueEnd;
    if (end > this.#end) throw new DicomParseError(`value of ${length} bytes passes its end`, { offset: start, tag });
    return { tag, vr, start, valueStart, valueEnd, end, isOpen };
  }

  #header(at: number, encoding: ElementEncoding): ElementHeader {
    const header = new ElementHeader();
    header.encoding = encoding;
    if (!header.read(this.#bytes, at, this.#end)) throw new DicomParseError('header of an element is cut short', { offset: at });
    if (header.badVr) throw new DicomParseError('no VR where explicit VR has one', { offset: at, tag: header.tag });
    return header;
  }

  /** Where the delimiter stands that ends what was opened before `start`. */
  #delimiter(start: number, opened: { tag: number; encoding: ElementEncoding; depth: number }): number {
    // A sequence and its item are two levels.
    if (opened.depth > 2 * MAX_DEPTH)
      throw new DicomParseError(`sequences nested deeper than ${MAX_DEPTH}`, { offset: start, tag: opened.tag });
    const wanted = opened.tag === ITEM ? ITEM_DELIMITER : SEQUENCE_DELIMITER;
    for (let at = start; at < this.#end; ) {
      const { tag } = this.#header(at, opened.encoding);
      if (tag === wanted) return at;
      at = this.element(at, opened.encoding, opened.depth + 1).end;
    }
    throw new DicomParseError('no delimiter ends it', { offset: start, tag: opened.tag });
  }
}
