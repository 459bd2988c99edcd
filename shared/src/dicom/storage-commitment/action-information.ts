// Reads the action information of a storage commitment request: transaction UID and references (PS3.4 table J.3-1). Whatever else a sender adds is passed over.
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

export interface ActionInformation {
  readonly transactionUid: string;
  /** As they came, repeats included; at least one. */
  readonly references: SopReference[];
}

/** `unreadable`: no data set of its transfer syntax; `invalid`: something is missing or is no UID; `too-many`: more references than the limit. */
export type ActionInformationProblem = 'unreadable' | 'invalid' | 'too-many';

/** The message says what and where, never a value. */
export class ActionInformationError extends Error {
  override readonly name = 'ActionInformationError';
  readonly problem: ActionInformationProblem;
  /** The element at fault, 0xggggeeee. */
  readonly tag: number;
  constructor(problem: ActionInformationProblem, message: string, tag: number) {
    super(message);
    this.problem = problem;
    this.tag = tag;
  }
}

/** Sequences of elements that are none of ours, one in another. */
const MAX_DEPTH = 16;
const UN = vrCode('UN');

/** `bytes`: the whole data set, in implicit or explicit VR little endian. Throws ActionInformationError and nothing else. */
export function readActionInformation(bytes: Buffer, transferSyntaxUid: string, maxReferences: number): ActionInformation {
  const encoding = transferSyntaxUid === IMPLICIT_VR_LITTLE_ENDIAN ? IMPLICIT_LITTLE : EXPLICIT_LITTLE;
  const reader = new Reader(bytes, maxReferences);
  reader.elements({ at: 0, end: bytes.length, encoding, depth: 0 }, (tag, value) => reader.topLevel(tag, value));
  return reader.result();
}

/** Where elements or items stand. `end`: the first byte behind them; for an undefined length, the end of what is around. */
interface Span {
  readonly at: number;
  readonly end: number;
  readonly encoding: ElementEncoding;
  readonly depth: number;
  /** A delimiter ends it. */
  readonly delimited?: boolean;
}

type Visit = (tag: number, value: Span) => number | undefined;

class Reader {
  readonly #bytes: Buffer;
  readonly #maxReferences: number;
  readonly #header = new ElementHeader();
  readonly #references: SopReference[] = [];
  #transactionUid: string | undefined;
  #hasSequence = false;

  constructor(bytes: Buffer, maxReferences: number) {
    this.#bytes = bytes;
    this.#maxReferences = maxReferences;
  }

  result(): ActionInformation {
    if (this.#transactionUid === undefined) throw invalid('no Transaction UID', TAG.transactionUid);
    if (!this.#hasSequence) throw invalid('no Referenced SOP Sequence', TAG.referencedSopSequence);
    if (this.#references.length === 0) throw invalid('the Referenced SOP Sequence is empty', TAG.referencedSopSequence);
    return { transactionUid: this.#transactionUid, references: this.#references };
  }

  topLevel(tag: number, value: Span): number | undefined {
    if (tag === TAG.transactionUid) this.#transactionUid = this.#uid(value, tag);
    if (tag !== TAG.referencedSopSequence) return undefined;
    this.#hasSequence = true;
    return this.#items(value, (item) => this.#reference(item));
  }

  /** Calls `visit` for each element; it returns where the element ends when it went through it. Returns where the span ends. */
  elements(span: Span, visit: Visit): number {
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
    return this.#items(value, (item) => this.elements(item, () => undefined));
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

  #reference(item: Span): number {
    let sopClassUid: string | undefined;
    let sopInstanceUid: string | undefined;
    const end = this.elements(item, (tag, value) => {
      if (tag === TAG.referencedSopClassUid) sopClassUid = this.#uid(value, tag);
      if (tag === TAG.referencedSopInstanceUid) sopInstanceUid = this.#uid(value, tag);
      return undefined;
    });
    if (sopClassUid === undefined) throw invalid('a reference has no SOP Class UID', TAG.referencedSopClassUid);
    if (sopInstanceUid === undefined) throw invalid('a reference has no SOP Instance UID', TAG.referencedSopInstanceUid);
    if (this.#references.length === this.#maxReferences) {
      throw new ActionInformationError('too-many', `more than ${this.#maxReferences} references`, TAG.referencedSopSequence);
    }
    this.#references.push({ sopClassUid, sopInstanceUid });
    return end;
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

  #uid(value: Span, tag: number): string {
    const text = value.delimited ? '' : this.#bytes.toString('latin1', value.at, Math.min(value.end, value.at + MAX_UID_BYTES));
    const uid = text.replace(PADDING, '');
    if (isUid(uid)) return uid;
    throw invalid('not a UID', tag);
  }
}

/** A UID of 64 characters with some senders' padding. */
const MAX_UID_BYTES = 128;
const PADDING = /^[\0 ]+|[\0 ]+$/g;

const unreadable = (message: string, tag: number): ActionInformationError => new ActionInformationError('unreadable', message, tag);
const invalid = (message: string, tag: number): ActionInformationError => new ActionInformationError('invalid', message, tag);
