// Rewrites a header from implicit to explicit VR little endian: values byte for byte, VRs by dictionary and context (PS3.5 sections 6.2.2, 7.1 and Annex A).
import { dictionaryVr } from '../dictionary.ts';
import { explicitHeader, implicitHeader, vrForLength } from './element.ts';
import { ElementHeader, IMPLICIT_LITTLE, ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, UNDEFINED_LENGTH } from './element-header.ts';
import { DicomParseError } from './parse-error.ts';

const PIXEL_REPRESENTATION = 0x00280103;
const MAX_DEPTH = 64;

/** One element as it stands: where its value begins and ends; `isOpen`: of undefined length, its delimiter not counted in `end`. */
interface Found {
  readonly tag: number;
  readonly start: number;
  readonly end: number;
  readonly isOpen: boolean;
}

/** What an item inherits from what is around it. */
interface Context {
  readonly depth: number;
  /** Pixel Representation (0028,0103): 1 makes 'US or SS' SS. */
  readonly signed: boolean;
}

/**
 * `header`: top-level elements of an implicit VR little endian data set, whole, held in memory by the caller (who bounds it). Pixel data may be among
 * them, not encapsulated. Group lengths (retired, and wrong afterwards) are left out. Sequences of defined length are given their new length,
 * open ones stay open. Unknown and private elements become UN with their bytes as they are, but open ones, which can only be sequences, SQ.
 * `signed`: Pixel Representation is 1, where (0028,0103) is not among the elements. Throws DicomParseError.
 */
export function implicitToExplicit(header: Buffer, { signed = false } = {}): Buffer {
  return Buffer.concat(new Conversion(header).elements({ start: 0, end: header.length }, { depth: 0, signed }));
}

interface Span {
  readonly start: number;
  readonly end: number;
}

class Conversion {
  readonly #bytes: Buffer;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  elements(span: Span, context: Context): Buffer[] {
    const found = [...this.#walk(span, context.depth)];
    const representation = found.find(({ tag, start, end }) => tag === PIXEL_REPRESENTATION && end - start >= 2);
    const signed = representation === undefined ? context.signed : this.#bytes.readUInt16LE(representation.start) === 1;
    const kept = found.filter(({ tag }) => (tag & 0xffff) !== 0);
    return kept.flatMap((element) => this.#element(element, { depth: context.depth, signed }));
  }

  #element(element: Found, context: Context): Buffer[] {
    const vr = explicitVr(element.tag, context.signed);
    if (element.isOpen) return this.#openSequence(element, context);
    if (vr === 'SQ') return this.#definedSequence(element, context);
    const { tag, start, end } = element;
    const fitting = vrForLength(vr, end - start);
    return [explicitHeader(tag, fitting, end - start), this.#bytes.subarray(start, end)];
  }

  #openSequence(element: Found, context: Context): Buffer[] {
    const header = explicitHeader(element.tag, 'SQ', UNDEFINED_LENGTH);
    return [header, ...this.#items(element, context), implicitHeader(SEQUENCE_DELIMITER, 0)];
  }

  /** What the dictionary calls a sequence and is none is kept as it is, as UN. */
  #definedSequence(element: Found, context: Context): Buffer[] {
    const { tag, start, end } = element;
    try {
      const items = this.#items(element, context);
      const length = items.reduce((sum, piece) => sum + piece.length, 0);
      return [explicitHeader(tag, 'SQ', length), ...items];
    } catch (error) {
      if (!(error instanceof DicomParseError)) throw error;
      return [explicitHeader(tag, 'UN', end - start), this.#bytes.subarray(start, end)];
    }
  }

  #items(sequence: Found, context: Context): Buffer[] {
    this.#checkDepth(context.depth, sequence);
    const pieces: Buffer[] = [];
    for (const item of this.#walk(sequence, context.depth + 1)) {
      if (item.tag !== ITEM)
        throw new DicomParseError('neither item nor delimiter inside a sequence', { offset: item.start, tag: item.tag });
      const body = this.elements(item, { ...context, depth: context.depth + 1 });
      const length = body.reduce((sum, piece) => sum + piece.length, 0);
      pieces.push(implicitHeader(ITEM, item.isOpen ? UNDEFINED_LENGTH : length), ...body);
      if (item.isOpen) pieces.push(implicitHeader(ITEM_DELIMITER, 0));
    }
    return pieces;
  }

  /** Bounds the recursion; a sequence and its item are two levels of it at most. */
  #checkDepth(depth: number, { start, tag }: Pick<Found, 'start' | 'tag'>): void {
    if (depth > 2 * MAX_DEPTH) throw new DicomParseError(`sequences nested deeper than ${MAX_DEPTH}`, { offset: start, tag });
  }

  /** Elements of a data set or item, or items of a sequence. */
  *#walk({ start, end }: Span, depth: number): Generator<Found> {
    for (let at = start; at < end; ) {
      const header = this.#header(at, end);
      const { tag, length } = header;
      const valueAt = at + 8;
      if (length === UNDEFINED_LENGTH) {
        const delimiterAt = this.#findDelimiter({ start: valueAt, end }, tag, depth);
        yield { tag, start: valueAt, end: delimiterAt, isOpen: true };
        at = delimiterAt + 8;
      } else {
        if (valueAt + length > end) throw new DicomParseError(`value of ${length} bytes passes its end`, { offset: at, tag });
        yield { tag, start: valueAt, end: valueAt + length, isOpen: false };
        at = valueAt + length;
      }
    }
  }

  #header(at: number, end: number): ElementHeader {
    const header = new ElementHeader();
    header.encoding = IMPLICIT_LITTLE;
    if (!header.read(this.#bytes, at, end)) throw new DicomParseError('header of an element is cut short', { offset: at });
    return header;
  }

  /** Where the delimiter stands that ends an item or sequence opened at `start`. */
  #findDelimiter({ start, end }: Span, openedBy: number, depth: number): number {
    this.#checkDepth(depth, { start, tag: openedBy });
    const wanted = openedBy === ITEM ? ITEM_DELIMITER : SEQUENCE_DELIMITER;
    for (let at = start; at < end; ) {
      const { tag, length } = this.#header(at, end);
      if (tag === wanted) return at;
      if (length === UNDEFINED_LENGTH) at = this.#findDelimiter({ start: at + 8, end }, tag, depth + 1) + 8;
      else at += 8 + length;
    }
    throw new DicomParseError('no delimiter ends it', { offset: start, tag: openedBy });
  }
}

const AMBIGUOUS: Readonly<Record<string, readonly [unsigned: string, signed: string]>> = {
  xs: ['US', 'SS'],
  // In implicit VR these are OW by definition (PS3.5 Annex A.1).
  ox: ['OW', 'OW'],
  lt: ['OW', 'OW'],
};

/** The VR of an element of an implicit VR data set. */
export function explicitVr(tag: number, signed: boolean): string {
  const vr = dictionaryVr(tag) ?? 'UN';
  return AMBIGUOUS[vr]?.[signed ? 1 : 0] ?? vr;
}
