// Makes a data set out of another: elements set or removed, pixel data replaced, every other byte the original's own.
import type { DataSetScan, IndexedElement } from './data-set-scanner.ts';
import { type ElementToWrite, encodeElement } from './element.ts';

/** Bytes of the original data set from `start` up to, without, `end`. */
export type ReadRange = (start: number, end: number) => AsyncIterable<Buffer> | Promise<Buffer>;

export interface Splice {
  /** Of the whole original: complete, with its index complete, little endian, not deflated. */
  readonly scan: DataSetScan;
  readonly explicit: boolean;
  readonly read: ReadRange;
  /** Replaced where the tag exists, else inserted in order of tags. */
  readonly set?: readonly ElementToWrite[];
  readonly remove?: readonly number[];
  /** The new pixel data element, header and all; what stood behind the old one stays behind it, and its extended offset tables go unless they are set. */
  readonly pixelData?: AsyncIterable<Buffer> | Iterable<Buffer>;
}

/** A piece of the result: bytes of the original, new bytes, or the new pixel data. */
type Piece = { readonly start: number; end: number } | { readonly bytes: Buffer } | 'pixel data';

/**
 * The new data set, piece by piece, no more in memory than one chunk of `read`. Group lengths of groups that change are left out, since they would be
 * wrong (retired, PS3.5 section 7.2). Throws when the scan cannot be relied on for every byte, or when there is no pixel data to replace.
 */
export async function* spliceDataSet(splice: Splice): AsyncGenerator<Buffer> {
  for (const piece of planPieces(splice)) {
    if (piece === 'pixel data') yield* splice.pixelData!;
    else if ('bytes' in piece) yield piece.bytes;
    else yield* rangeOf(splice.read, piece);
  }
}

export async function* rangeOf(read: ReadRange, { start, end }: { start: number; end: number }): AsyncGenerator<Buffer> {
  const range = read(start, end);
  if (range instanceof Promise) yield await range;
  else yield* range;
}

function planPieces({ scan, explicit, set = [], remove = [], pixelData }: Splice): Piece[] {
  checkScan(scan);
  if (pixelData !== undefined && scan.pixelData === undefined) throw new Error('no pixel data to replace');
  const replacements = new Map(set.map((element) => [element.tag, encodeElement(element, explicit)]));
  const removed = removals({ set, remove, pixelData });
  const present = new Set(scan.elements.map(({ tag }) => tag));
  const insertions = set.filter(({ tag }) => !present.has(tag)).sort((one, other) => one.tag - other.tag);
  const pieces = new Pieces();
  for (const element of scan.elements) {
    while (insertions.length > 0 && insertions[0]!.tag < element.tag) pieces.add(replacements.get(insertions.shift()!.tag)!);
    const isPixelData = pixelData !== undefined && element.headerOffset === scan.pixelData!.headerOffset;
    if (isPixelData) pieces.addPixelData();
    else if (replacements.has(element.tag)) pieces.addOnce(element.tag, replacements.get(element.tag)!);
    else if (!removed.has(element.tag)) pieces.keep(element);
  }
  for (const { tag } of insertions) pieces.add(replacements.get(tag)!);
  return pieces.list;
}

/** What describes the old pixel data's fragments: Extended Offset Table, its lengths, Encapsulated Pixel Data Value Total Length. */
const FRAGMENT_TABLES = [0x7fe00001, 0x7fe00002, 0x7fe00003];

function removals({ set = [], remove = [], pixelData }: Pick<Splice, 'set' | 'remove' | 'pixelData'>): Set<number> {
  const tables = pixelData === undefined ? [] : FRAGMENT_TABLES;
  const changed = [...set.map(({ tag }) => tag), ...remove, ...tables];
  return new Set([...remove, ...tables, ...changed.map((tag) => (tag & 0xffff0000) >>> 0)]);
}

/** Every byte must belong to exactly one indexed element. */
function checkScan({ complete, opaque, indexComplete, elements, endOffset }: DataSetScan): void {
  if (!complete || opaque || !indexComplete) throw new Error('only a data set that was scanned whole can be spliced');
  let at = 0;
  for (const { headerOffset, endOffset: end } of elements) {
    if (headerOffset !== at) throw new Error(`bytes ${at} to ${headerOffset} belong to no element`);
    at = end;
  }
  if (at !== endOffset) throw new Error(`bytes ${at} to ${endOffset} belong to no element`);
}

class Pieces {
  readonly list: Piece[] = [];
  readonly #added = new Set<number>();

  add(bytes: Buffer): void {
    this.list.push({ bytes });
  }

  /** A tag that stands twice is replaced by one. */
  addOnce(tag: number, bytes: Buffer): void {
    if (!this.#added.has(tag)) this.add(bytes);
    this.#added.add(tag);
  }

  addPixelData(): void {
    this.list.push('pixel data');
  }

  keep({ headerOffset, endOffset }: IndexedElement): void {
    const last = this.list.at(-1);
    if (typeof last === 'object' && 'end' in last && last.end === headerOffset) last.end = endOffset;
    else this.list.push({ start: headerOffset, end: endOffset });
  }
}
