// Puts changed elements into a data set that streams by: every other byte is the original's own.
import type { DataSetScan, IndexedElement } from './data-set-scanner.ts';
import type { ElementEncoding } from './element-header.ts';
import { groupLengthBytes } from './nested-edit.ts';

/** Bytes of the original data set from `start` up to, without, `end`. */
export type ReadRange = (start: number, end: number) => AsyncIterable<Buffer> | Promise<Buffer>;

export async function* rangeOf(read: ReadRange, { start, end }: { start: number; end: number }): AsyncGenerator<Buffer> {
  const range = read(start, end);
  if (range instanceof Promise) yield await range;
  else yield* range;
}

/** New bytes of top-level elements by tag, header and all; empty: the element is taken out. */
export type ElementReplacements = ReadonlyMap<number, Buffer>;

/** At offset `at` of the original: so many of its bytes are left out, and these are put there. In order of offsets. */
export interface Cut {
  readonly at: number;
  readonly leftOut: number;
  readonly inserted: Buffer;
}

export interface SplicePlan {
  /** Of the data set as far as its pixel data, or of the whole where it has none: what is replaced stands before that. */
  readonly scan: Pick<DataSetScan, 'elements' | 'indexComplete' | 'opaque' | 'endOffset' | 'pixelData'>;
  readonly encoding: ElementEncoding;
  readonly replacements: ElementReplacements;
}

/** What stands where, in words that hold no value. */
export class Unspliceable extends Error {
  override readonly name = 'Unspliceable';
}

/**
 * Elements that exist are replaced where they stand, new ones are inserted in order of tags; one that stands twice is replaced by one. Group lengths
 * (gggg,0000), retired but met, of the groups that change are made true (PS3.5 section 7.2). Throws Unspliceable.
 */
export function planCuts(plan: SplicePlan): Cut[] {
  const { scan } = plan;
  if (scan.opaque) throw new Unspliceable('its transfer syntax is unknown, and cannot be read');
  if (!scan.indexComplete) throw new Unspliceable(`it has more than ${scan.elements.length} elements`);
  const replacements = withGroupLengths(plan);
  const absent = [...replacements.keys()].filter((tag) => !scan.elements.some((element) => element.tag === tag)).sort((a, b) => a - b);
  const insertions = absent.filter((tag) => replacements.get(tag)!.length > 0);
  const cuts: Cut[] = [];
  const done = new Set<number>();
  for (const element of scan.elements) {
    while (insertions.length > 0 && insertions[0]! < element.tag)
      cuts.push(insertion(element.headerOffset, replacements.get(insertions.shift()!)!));
    const replacement = replacements.get(element.tag);
    if (replacement === undefined) continue;
    cuts.push({ at: element.headerOffset, leftOut: sizeOf(element), inserted: done.has(element.tag) ? Buffer.alloc(0) : replacement });
    done.add(element.tag);
  }
  for (const tag of insertions) cuts.push(insertion(scan.endOffset, replacements.get(tag)!));
  return cuts;
}

const insertion = (at: number, inserted: Buffer): Cut => ({ at, leftOut: 0, inserted });
const sizeOf = ({ headerOffset, endOffset }: IndexedElement): number => endOffset - headerOffset;

function withGroupLengths({ scan, encoding, replacements }: SplicePlan): Map<number, Buffer> {
  const result = new Map(replacements);
  for (const group of new Set([...replacements.keys()].map((tag) => tag >>> 16))) {
    const lengthTag = (group << 16) >>> 0;
    const length = scan.elements.find(({ tag }) => tag === lengthTag);
    if (length === undefined || length.length !== 4) continue;
    const kept = scan.elements.filter(({ tag }) => tag >>> 16 === group && tag !== lengthTag && !replacements.has(tag));
    const changed = [...replacements].filter(([tag]) => tag >>> 16 === group);
    const bytes = kept.reduce((sum, element) => sum + sizeOf(element), 0) + changed.reduce((sum, [, { length: size }]) => sum + size, 0);
    result.set(lengthTag, groupLengthBytes(group, bytes, encoding));
  }
  return result;
}

/** The data set with the cuts made, a chunk at a time. Throws when it ends before the last cut. */
export async function* spliced(chunks: AsyncIterable<Buffer> | Iterable<Buffer>, cuts: readonly Cut[]): AsyncGenerator<Buffer> {
  const left = [...cuts];
  let offset = 0;
  let leaveOut = 0;
  for await (const chunk of chunks) {
    let at = 0;
    for (;;) {
      const passed = Math.min(leaveOut, chunk.length - at);
      leaveOut -= passed;
      at += passed;
      const next = left[0];
      if (leaveOut > 0 || next === undefined || next.at >= offset + chunk.length) break;
      if (next.at > offset + at) yield chunk.subarray(at, next.at - offset);
      at = next.at - offset;
      left.shift();
      if (next.inserted.length > 0) yield next.inserted;
      leaveOut = next.leftOut;
    }
    if (at < chunk.length) yield chunk.subarray(at);
    offset += chunk.length;
  }
  for (const { at, leftOut, inserted } of left) {
    if (at !== offset || leftOut > 0) throw new Error(`the data set ends at ${offset}, a cut is at ${at}`);
    yield inserted;
  }
  if (leaveOut > 0) throw new Error(`the data set ends ${leaveOut} bytes before the element that is left out`);
}
