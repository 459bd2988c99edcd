// Scans a data set as it streams by: offsets and wanted values, in memory that depends neither on the object's size nor on a value's.
import { transferSyntaxOf } from '../transfer-syntaxes.ts';
import { DataSetWalk } from './data-set-walk.ts';
import { type ElementEncoding, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import { Inflation } from './inflation.ts';
import type { IndexedElement } from './scan-place.ts';
import { type WantedTags, wantedTags } from './tag-path.ts';

export type { IndexedElement } from './scan-place.ts';

const SPECIFIC_CHARACTER_SET = '00080005';
const DEFAULT_LIMITS = { valueBytes: 1024, depth: 64, indexedElements: 16_384, inflatedBytes: 16 * 2 ** 30 };

export interface ScannerOptions {
  readonly transferSyntaxUid: string;
  /** Tag paths, 8 hex digits a level, through the first item of each sequence. The list must not change afterwards. */
  readonly wanted: readonly string[];
  /**
   * valueBytes: kept of each wanted value [1024]; depth: nested sequences [64]; indexedElements: top-level elements in the index [16384];
   * inflatedBytes: of a deflated data set [16 GiB].
   */
  readonly limits?: Partial<typeof DEFAULT_LIMITS>;
}

export interface DataSetScan {
  /** Raw values by wanted path, as far as present, cut at the limit; numbers are little endian whatever the data set is. */
  readonly values: Map<string, Buffer>;
  /** VR by wanted path: the data set's own, or the dictionary's where that is missing or UN. */
  readonly vrs: Map<string, string>;
  /** The wanted paths whose value was cut. */
  readonly truncated: Set<string>;
  /** Defined terms of (0008,0005), trimmed; an empty first term stays: ['', 'ISO 2022 IR 87']. */
  readonly specificCharacterSet: string[];
  /** Top-level elements in the order they stand, pixel data and what follows it included. Offsets of a deflated data set count inflated bytes. */
  readonly elements: IndexedElement[];
  /** False when the limit cut the index. */
  readonly indexComplete: boolean;
  readonly pixelData?: IndexedElement & { readonly undefinedLength: boolean };
  /** Group 2 inside the data set, where a sender must not leave it (PS3.10 section 7.1): from its first header to the end of its last value. */
  readonly group2?: { readonly offset: number; readonly endOffset: number };
  /** Bytes scanned (inflated ones). */
  readonly endOffset: number;
  /** The data set ended, and did so at an element boundary. False in a snapshot. */
  readonly complete: boolean;
  /** A transfer syntax unknown to us whose bytes are not explicit VR little endian: nothing is known of the content. */
  readonly opaque: boolean;
}

/** The byte layout of a known transfer syntax; unknown ones are taken for explicit VR little endian, as every syntax since 1993 is. */
export function elementEncodingOf(transferSyntaxUid: string): ElementEncoding {
  const syntax = transferSyntaxOf(transferSyntaxUid);
  if (syntax === undefined || (syntax.explicitVr && syntax.littleEndian)) return EXPLICIT_LITTLE;
  return syntax.explicitVr ? EXPLICIT_BIG : IMPLICIT_LITTLE;
}

/** Feed every chunk to `write` in order, then `end`. Throws (or rejects with) DicomParseError and nothing else. What is not wanted costs one subtraction a chunk. */
export class DataSetScanner {
  readonly #walk: DataSetWalk;
  readonly #inflation?: Inflation;
  readonly #known: boolean;
  #opaque = false;
  #failure?: unknown;

  constructor(options: ScannerOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const syntax = transferSyntaxOf(options.transferSyntaxUid);
    this.#known = syntax !== undefined;
    this.#walk = new DataSetWalk({
      encoding: elementEncodingOf(options.transferSyntaxUid),
      wanted: wantedWithCharacterSet(options.wanted),
      limits,
    });
    if (syntax?.deflated) this.#inflation = new Inflation((chunk) => this.#walk.scan(chunk), limits.inflatedBytes);
  }

  /** The chunk is not kept. A promise (deflated syntaxes only) settles when it is scanned: wait for it before the next. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#inflation !== undefined) return this.#inflation.write(chunk);
    if (this.#opaque) this.#walk.offset += chunk.length;
    else this.#scan(chunk);
    return undefined;
  }

  /** The pixel data's header has been read: a snapshot has everything before it. */
  get pixelDataReached(): boolean {
    return this.#walk.pixelData !== undefined;
  }

  /** What was found; fails when the data set does not end where an element does. A promise for deflated syntaxes only: `await` serves both. */
  end(): DataSetScan | Promise<DataSetScan> {
    if (this.#inflation !== undefined) return this.#inflation.end().then(() => this.#finish());
    return this.#finish();
  }

  /** What was found so far. */
  snapshot(): DataSetScan {
    return this.#result(false);
  }

  #scan(chunk: Buffer): void {
    if (this.#failure !== undefined) throw this.#failure;
    const endOffset = this.#walk.offset + chunk.length;
    try {
      this.#walk.scan(chunk);
    } catch (error) {
      this.#giveUp(error);
      this.#walk.offset = endOffset;
    }
  }

  #finish(): DataSetScan {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      if (!this.#opaque) this.#walk.finish();
    } catch (error) {
      this.#giveUp(error);
    }
    return this.#result(true);
  }

  /** Of a syntax we know, the data set is wrong. Of another, only our guess at it was; then nothing read so far can be relied on. */
  #giveUp(error: unknown): void {
    if (this.#known) {
      this.#failure = error;
      throw error;
    }
    this.#opaque = true;
    this.#walk.forget();
  }

  #result(complete: boolean): DataSetScan {
    const { capture, elements, indexComplete, pixelData, group2, offset } = this.#walk;
    return {
      values: capture.values,
      vrs: capture.vrs,
      truncated: capture.truncated,
      specificCharacterSet: characterSetTerms(capture.values.get(SPECIFIC_CHARACTER_SET)),
      elements,
      indexComplete,
      pixelData: pixelData && { ...pixelData, undefinedLength: pixelData.length === -1 },
      group2,
      endOffset: offset,
      complete,
      opaque: this.#opaque,
    };
  }
}

/** A caller scans many data sets for the same list. */
const wantedByList = new WeakMap<readonly string[], WantedTags>();

function wantedWithCharacterSet(list: readonly string[]): WantedTags {
  const known = wantedByList.get(list);
  if (known !== undefined) return known;
  const wanted = wantedTags([...list, SPECIFIC_CHARACTER_SET]);
  wantedByList.set(list, wanted);
  return wanted;
}

/** Defined terms are CS: spaces at the ends say nothing, case neither (PS3.5 section 6.2); a NUL is a sender's wrong padding. */
export function characterSetTerms(value: Buffer | undefined): string[] {
  if (value === undefined || value.length === 0) return [];
  const terms = value.toString('latin1').split('\\');
  return terms.map((term) => term.replace(/^[\0 ]+|[\0 ]+$/g, '').toUpperCase());
}
