// Where a scan stands: the data set, a sequence, an item, or the fragments of encapsulated pixel data, each inside the one before.
import type { ElementEncoding } from './element-header.ts';
import type { WantedTags } from './tag-path.ts';

/** One top-level element. Offsets count from the start of the data set; `length` is -1 when undefined; `endOffset` is -1 until its end was seen. */
export interface IndexedElement {
  readonly tag: number;
  /** Absent in implicit VR. */
  readonly vr?: string;
  readonly headerOffset: number;
  readonly valueOffset: number;
  readonly length: number;
  endOffset: number;
}

export interface Place {
  readonly kind: 'data set' | 'sequence' | 'item' | 'fragments';
  /** Changes once, in an item of a UN sequence that turns out to be explicit. */
  encoding: ElementEncoding;
  /** Where its defined length ends; Infinity: a delimiter ends it. */
  readonly end: number;
  /** The nearest defined end around it: nothing inside may pass it. */
  readonly limit: number;
  readonly wanted?: WantedTags;
  /** The tag of the sequence or pixel data, for messages. */
  readonly tag: number;
  /** The top-level element that ends where this place ends. */
  readonly element?: IndexedElement;
  /** Elements or items met so far. */
  met: number;
  /** Inside a sequence of VR UN: implicit little endian by PS3.5 section 6.2.2, explicit as some senders write it. */
  readonly unknownVr: boolean;
}

export function rootPlace(encoding: ElementEncoding, wanted: WantedTags): Place {
  return { kind: 'data set', encoding, end: Infinity, limit: Infinity, wanted, tag: 0, met: 0, unknownVr: false };
}

/** A place inside another; `length` undefined: ended by a delimiter. */
export function innerPlace(outer: Place, inner: Pick<Place, 'kind' | 'tag'> & Partial<Place> & { offset: number; length?: number }): Place {
  const end = inner.length === undefined ? Infinity : inner.offset + inner.length;
  return {
    kind: inner.kind,
    tag: inner.tag,
    encoding: inner.encoding ?? outer.encoding,
    end,
    limit: Math.min(end, outer.limit),
    wanted: inner.wanted,
    element: inner.element,
    met: 0,
    unknownVr: inner.unknownVr ?? false,
  };
}
