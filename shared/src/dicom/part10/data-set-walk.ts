// Walks the structure of a data set, chunk after chunk, without ever going back or looking ahead (PS3.5 sections 7.1 and 7.5, Annex A.4).
import { vrOfTag } from '../dictionary.ts';
import {
  type ElementEncoding,
  ElementHeader,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE,
  ITEM,
  ITEM_DELIMITER,
  isGroup2At,
  looksExplicitAt,
  SEQUENCE_DELIMITER,
  UNDEFINED_LENGTH,
} from './element-header.ts';
import { DicomParseError } from './parse-error.ts';
import { type IndexedElement, innerPlace, type Place, rootPlace } from './scan-place.ts';
import type { WantedTags } from './tag-path.ts';
import { ValueCapture } from './value-capture.ts';
import { vrCode, vrName, vrUnit } from './value-representation.ts';

const SQ = vrCode('SQ');
const UN = vrCode('UN');

export interface WalkOptions {
  readonly encoding: ElementEncoding;
  readonly wanted: WantedTags;
  readonly limits: { readonly valueBytes: number; readonly depth: number; readonly indexedElements: number };
}

/** Elements whose undefined length means fragments, not items with elements: group 7FE0 and the VRs OB, OW, ... */
const isFragmented = (tag: number, vr: number): boolean => tag >>> 16 === 0x7fe0 || vr >> 8 === 0x4f;
/** Pixel Data, Float Pixel Data, Double Float Pixel Data (PS3.3 sections C.7.6.3, C.7.6.24 and C.7.6.25). */
const isPixelData = (tag: number): boolean => tag === 0x7fe00010 || tag === 0x7fe00008 || tag === 0x7fe00009;

/** Feed `scan` every chunk, then `finish`; both throw DicomParseError. Sequences and items of defined length that hold nothing wanted are passed over. */
export class DataSetWalk {
  readonly capture: ValueCapture;
  readonly elements: IndexedElement[] = [];
  indexComplete = true;
  pixelData?: IndexedElement;
  group2?: { readonly offset: number; endOffset: number };
  /** Bytes consumed. */
  offset = 0;
  readonly #limits: WalkOptions['limits'];
  readonly #header = new ElementHeader();
  readonly #carry = Buffer.alloc(12);
  readonly #places: Place[];
  #place: Place;
  #carried = 0;
  #skip = 0;

  constructor(options: WalkOptions) {
    this.#limits = options.limits;
    this.capture = new ValueCapture(options.limits.valueBytes);
    this.#place = rootPlace(options.encoding, options.wanted);
    this.#places = [this.#place];
  }

  scan(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at += this.#pass(chunk, at) || this.#readHeader(chunk, at);
  }

  /** The data set has ended: it must do so where an element does. */
  finish(): void {
    this.#closePlaces();
    const missing = this.capture.missing + this.#skip;
    if (missing > 0) throw this.#error(`data set ends ${missing} bytes before its last value does`);
    if (this.#carried > 0) throw new DicomParseError('data set ends within the header of an element', { offset: this.offset });
    if (this.#places.length > 1) throw this.#error(`data set ends within a ${this.#place.kind} of undefined length`, this.#place.tag);
  }

  /** Drops everything found. */
  forget(): void {
    this.capture.clear();
    this.elements.length = 0;
    this.indexComplete = true;
    this.pixelData = undefined;
    this.group2 = undefined;
  }

  #error(what: string, tag = this.#header.tag): DicomParseError {
    return new DicomParseError(what, { offset: this.offset, tag });
  }

  /** Takes or skips what is left of a value; 0 at a header. */
  #pass(chunk: Buffer, at: number): number {
    let passed = 0;
    if (this.capture.missing > 0) {
      passed = this.capture.take(chunk, at);
    } else if (this.#skip > 0) {
      passed = Math.min(this.#skip, chunk.length - at);
      this.#skip -= passed;
    }
    this.offset += passed;
    return passed;
  }

  /** Returns the bytes consumed. A header that straddles chunks is gathered byte by byte. */
  #readHeader(chunk: Buffer, at: number): number {
    if (this.#carried === 0) {
      this.#closePlaces();
      if (this.#parse(chunk, at, chunk.length)) return this.#enter(this.#header.size);
    }
    this.#carry[this.#carried++] = chunk[at]!;
    if (!this.#parse(this.#carry, 0, this.#carried)) {
      this.offset += 1;
      return 1;
    }
    this.#carried = 0;
    return this.#enter(1);
  }

  #parse(bytes: Buffer, at: number, end: number): boolean {
    if (end - at < 8) return false;
    this.#header.encoding = this.#encodingAt(bytes, at);
    if (!this.#header.read(bytes, at, end)) return false;
    if (this.#header.badVr) throw this.#error('no VR where explicit VR has one (data set not in its transfer syntax?)');
    return true;
  }

  /** Group 2 is explicit little endian wherever it stands; the first element of a UN sequence's item shows how the item is written. */
  #encodingAt(bytes: Buffer, at: number): ElementEncoding {
    const place = this.#place;
    if (place.kind === 'data set') {
      if (isGroup2At(bytes, at)) return EXPLICIT_LITTLE;
      if (!place.encoding.explicit && place.met === 0 && looksExplicitAt(bytes, at)) {
        throw this.#error('explicit VR where implicit VR is expected (data set not in its transfer syntax?)');
      }
    } else if (place.kind === 'item' && place.unknownVr && place.met === 0 && looksExplicitAt(bytes, at)) {
      place.encoding = EXPLICIT_LITTLE;
    }
    return place.encoding;
  }

  /** Goes past the header just read, `consumed` bytes further, into what it announces. */
  #enter(consumed: number): number {
    const headerOffset = this.offset + consumed - this.#header.size;
    this.offset += consumed;
    if (this.offset > this.#place.limit) throw this.#error(`header passes the end of the ${this.#place.kind}`);
    const place = this.#place;
    if (place.kind === 'sequence' || place.kind === 'fragments') this.#enterItem();
    else if (this.#header.tag >>> 16 === 0xfffe) this.#leaveItem();
    else this.#enterElement(headerOffset);
    place.met += 1;
    return consumed;
  }

  #enterItem(): void {
    const place = this.#place;
    const { tag, length } = this.#header;
    if (tag === SEQUENCE_DELIMITER) {
      if (place.end === Infinity) this.#close();
    } else if (tag !== ITEM) {
      this.#enterNoSequence();
    } else if (place.kind === 'fragments') {
      if (length === UNDEFINED_LENGTH) throw this.#error('fragment of undefined length', place.tag);
      this.#skipValue(length);
    } else {
      this.#openItem(length);
    }
  }

  /** What was taken for a sequence because something inside is wanted may be none, if only the path says so. */
  #enterNoSequence(): void {
    const place = this.#place;
    if (place.end === Infinity || place.met > 0) throw this.#error('neither item nor delimiter inside a sequence');
    this.#skip = place.end - this.offset;
  }

  #openItem(length: number): void {
    const place = this.#place;
    const wanted = place.met === 0 ? place.wanted : undefined;
    if (length !== UNDEFINED_LENGTH && wanted === undefined) {
      this.#skipValue(length);
      return;
    }
    this.#open({ kind: 'item', tag: place.tag, wanted, unknownVr: place.unknownVr });
  }

  #leaveItem(): void {
    const place = this.#place;
    if (this.#header.tag !== ITEM_DELIMITER || place.kind !== 'item') throw this.#error(`delimiter or item where an element belongs`);
    if (place.end === Infinity) this.#close();
  }

  #enterElement(headerOffset: number): void {
    const { tag, vr, length } = this.#header;
    const place = this.#place;
    const isUndefined = length === UNDEFINED_LENGTH;
    const element = place.kind === 'data set' ? this.#index(headerOffset) : undefined;
    const wanted = place.wanted?.children.get(tag);
    if (isUndefined && isFragmented(tag, vr)) {
      this.#open({ kind: 'fragments', tag, element });
    } else if (isUndefined || (wanted !== undefined && this.#mayHoldItems(wanted))) {
      const encoding = vr === UN ? IMPLICIT_LITTLE : this.#header.encoding;
      this.#open({ kind: 'sequence', tag, wanted, element, encoding, unknownVr: vr === UN || place.unknownVr });
    } else {
      const kept = wanted === undefined || wanted.paths.length === 0 ? 0 : this.#keep(wanted.paths);
      this.#skipValue(length, kept);
    }
  }

  #mayHoldItems(wanted: WantedTags): boolean {
    const { vr, length } = this.#header;
    return wanted.children.size > 0 && length >= 8 && (vr === SQ || vr === UN || vr === 0);
  }

  #keep(paths: readonly string[]): number {
    const { tag, vr, length, encoding } = this.#header;
    if (this.offset + length > this.#place.limit) return 0;
    const name = vr === 0 || vr === UN ? vrOfTag(tag) : vrName(vr);
    return this.capture.begin(paths, { length, vr: name, swapUnit: encoding.bigEndian && vr !== UN ? vrUnit(name) : 1 });
  }

  #skipValue(length: number, kept = 0): void {
    if (this.offset + length > this.#place.limit) throw this.#error(`value of ${length} bytes passes the end of the ${this.#place.kind}`);
    this.#skip = length - kept;
  }

  #index(headerOffset: number): IndexedElement {
    const { tag, vr, length } = this.#header;
    const isUndefined = length === UNDEFINED_LENGTH;
    const element: IndexedElement = {
      tag,
      vr: vr === 0 ? undefined : vrName(vr),
      headerOffset,
      valueOffset: this.offset,
      length: isUndefined ? -1 : length,
      endOffset: isUndefined ? -1 : this.offset + length,
    };
    if (this.elements.length < this.#limits.indexedElements) this.elements.push(element);
    else this.indexComplete = false;
    if (isPixelData(tag)) this.pixelData ??= element;
    if (tag >>> 16 === 2) this.#noteGroup2(element);
    return element;
  }

  #noteGroup2(element: IndexedElement): void {
    this.group2 ??= { offset: element.headerOffset, endOffset: element.endOffset };
    this.group2.endOffset = element.endOffset;
  }

  #open(inner: Pick<Place, 'kind' | 'tag'> & Partial<Place>): void {
    const { length } = this.#header;
    const defined = length === UNDEFINED_LENGTH ? undefined : length;
    if (this.offset + (defined ?? 0) > this.#place.limit) throw this.#error(`${inner.kind} passes the end of the ${this.#place.kind}`);
    // A sequence and its item are two places.
    if (this.#places.length > 2 * this.#limits.depth) throw this.#error(`sequences nested deeper than ${this.#limits.depth}`);
    this.#place = innerPlace(this.#place, { ...inner, offset: this.offset, length: defined });
    this.#places.push(this.#place);
  }

  #close(): void {
    const { element } = this.#places.pop()!;
    if (element !== undefined) element.endOffset = this.offset;
    this.#place = this.#places.at(-1)!;
  }

  /** Leaves every place whose defined length ends here. */
  #closePlaces(): void {
    while (this.#place.end <= this.offset && this.#skip === 0 && this.capture.missing === 0) this.#close();
  }
}
