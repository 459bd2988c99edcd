// Walks the data sets of storage commitment (PS3.4 tables J.3-1 and J.3-2): Transaction UID and sequences of references. Whatever else a peer adds is passed over.
import {
  type ElementEncoding,
  ElementHeader,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE,
  ITEM,
  ITEM_DELIMITER,
  SEQUENCE_DELIMITER,
  UNDEFINED_LENGTH,
} from '../part10/element-header.ts';
import { vrCode } from '../part10/value-representation.ts';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { isUid } from '../uid.ts';
import { type SopReference, TAG } from './push-model.ts';

/** `unreadable`: no data set of its transfer syntax; `invalid`: something is missing or is no UID; `too-many`: more references than the limit. */
export type CommitmentDataProblem = 'unreadable' | 'invalid' | 'too-many';

/** The message says what and where, never a value. */
export class CommitmentDataError extends Error {
  override readonly name = 'CommitmentDataError';
  readonly problem: CommitmentDataProblem;
  /** The element at fault, 0xggggeeee. */
  readonly tag: number;
  constructor(problem: CommitmentDataProblem, message: string, tag: number) {
    super(message);
    this.problem = problem;
    this.tag = tag;
  }
}

/** Sequences of elements that are none of ours, one in another. */
const MAX_DEPTH = 16;
const UN = vrCode('UN');

/** Where elements or items stand. `end`: the first byte behind them; for an undefined length, the end of what is around. */
export interface Span {
  readonly at: number;
  readonly end: number;
  readonly encoding: ElementEncoding;
  readonly depth: number;
  /** A delimiter ends it. */
  readonly delimited?: boolean;
}

/** Called for each element; returns where it ends when it went through it. */
export type Visit = (tag: number, value: Span) => number | undefined;

/** One item of a sequence of references. `reason`: Failure Reason (0008,1197), where it has one. */
export interface ReadReference extends SopReference {
  readonly reason?: number;
}

/** Every method throws CommitmentDataError and nothing else. */
export class CommitmentDataSet {
  readonly #bytes: Buffer;
  readonly #maxReferences: number;
  readonly #header = new ElementHeader();
  #references = 0;

  /** `maxReferences`: of all sequences together. */
  constructor(bytes: Buffer, maxReferences: number) {
    this.#bytes = bytes;
    this.#maxReferences = maxReferences;
  }

  /** `bytes` are the whole data set, in implicit or explicit VR little endian. */
  walk(transferSyntaxUid: string, visit: Visit): void {
    const encoding = transferSyntaxUid === IMPLICIT_VR_LITTLE_ENDIAN ? IMPLICIT_LITTLE : EXPLICIT_LITTLE;
    this.#elements({ at: 0, end: this.#bytes.length, encoding, depth: 0 }, visit);
  }

  /** The references of a sequence, added to `into`; returns where it ends. */
  references(span: Span, into: ReadReference[]): number {
    return this.#items(span, (item) => this.#reference(item, into));
  }

  uid(value: Span, tag: number): string {
    const text = value.delimited ? '' : this.#bytes.toString('latin1', value.at, Math.min(value.end, value.at + MAX_UID_BYTES));
    const uid = text.replace(PADDING, '');
    if (isUid(uid)) return uid;
    throw invalid('not a UID', tag);
  }

  /** Calls `visit` for each element; it returns where the element ends when it went through it. Returns where the span ends. */
  #elements(span: Span, visit: Visit): number {
    let at = span.at;
    while (at < span.end) {
      const { tag, vr, length, at: valueAt } = this.#read(at, span);
      if (tag === ITEM_DELIMITER && span.delimited) return valueAt;
      if (tag >>> 16 === 0xfffe) throw unreadable('item or delimiter where an element belongs', tag);
      const encoding = vr === UN ? IMPLICIT_LITTLE : span.encoding;
      const value = this.#valueSpan({ tag, length, at: valueAt, encoding }, span);
      at = visit(tag, value) ?? (value.delimited ? this.#skip(value) : value.end);
    }
    if (span.delimited) throw unreadable('an item of undefined length does not end', ITEM);
    return at;
  }

  #skip(value: Span): number {
    return this.#items(value, (item) => this.#elements(item, () => undefined));
  }

  /** Calls `each` for every item; returns where the sequence ends. */
  #items(span: Span, each: (item: Span) => number): number {
    let at = span.at;
    while (at < span.end) {
      const { tag, length, at: valueAt } = this.#read(at, span);
      if (tag === SEQUENCE_DELIMITER && span.delimited) return valueAt;
      if (tag !== ITEM) throw unreadable('neither item nor delimiter inside a sequence', tag);
      const item = this.#valueSpan({ tag, length, at: valueAt, encoding: span.encoding }, span);
      const end = each(item);
      at = item.delimited ? end : item.end;
    }
    if (span.delimited) throw unreadable('a sequence of undefined length does not end', SEQUENCE_DELIMITER);
    return at;
  }

  #reference(item: Span, into: ReadReference[]): number {
    let sopClassUid: string | undefined;
    let sopInstanceUid: string | undefined;
    let reason: number | undefined;
    const end = this.#elements(item, (tag, value) => {
      if (tag === TAG.referencedSopClassUid) sopClassUid = this.uid(value, tag);
      if (tag === TAG.referencedSopInstanceUid) sopInstanceUid = this.uid(value, tag);
      if (tag === TAG.failureReason) reason = this.#unsignedShort(value);
      return undefined;
    });
    if (sopClassUid === undefined) throw invalid('a reference has no SOP Class UID', TAG.referencedSopClassUid);
    if (sopInstanceUid === undefined) throw invalid('a reference has no SOP Instance UID', TAG.referencedSopInstanceUid);
    if (this.#references === this.#maxReferences) {
      throw new CommitmentDataError('too-many', `more than ${this.#maxReferences} references`, TAG.referencedSopSequence);
    }
    this.#references += 1;
    into.push({ sopClassUid, sopInstanceUid, ...(reason === undefined ? {} : { reason }) });
    return end;
  }

  /** Undefined for what is no US. */
  #unsignedShort(value: Span): number | undefined {
    return !value.delimited && value.end - value.at === 2 ? this.#bytes.readUInt16LE(value.at) : undefined;
  }

  #read(at: number, span: Span): { tag: number; vr: number; length: number; at: number } {
    const header = this.#header;
    header.encoding = span.encoding;
    if (!header.read(this.#bytes, at, span.end)) throw unreadable('ends within the header of an element', 0);
    if (header.badVr) throw unreadable('no VR where explicit VR has one', header.tag);
    const { tag, vr, length, size } = header;
    return { tag, vr, length, at: at + size };
  }

  #valueSpan(value: { tag: number; length: number; at: number; encoding: ElementEncoding }, around: Span): Span {
    const { tag, length, at, encoding } = value;
    const depth = around.depth + 1;
    if (depth > 2 * MAX_DEPTH) throw unreadable(`sequences nested deeper than ${MAX_DEPTH}`, tag);
    if (length === UNDEFINED_LENGTH) return { at, end: around.end, encoding, depth, delimited: true };
    if (at + length > around.end) throw unreadable('a value passes the end of what it is in', tag);
    return { at, end: at + length, encoding, depth };
  }
}

/** A UID of 64 characters with some senders' padding. */
const MAX_UID_BYTES = 128;
const PADDING = /^[\0 ]+|[\0 ]+$/g;

const unreadable = (message: string, tag: number): CommitmentDataError => new CommitmentDataError('unreadable', message, tag);
export const invalid = (message: string, tag: number): CommitmentDataError => new CommitmentDataError('invalid', message, tag);
