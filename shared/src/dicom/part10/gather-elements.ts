// Takes some top-level elements out of a data set that streams by, each whole, up to a limit of memory.
import type { DataSetScan, IndexedElement } from './data-set-scanner.ts';
import { UnfitValue } from './value-text.ts';

/** Of all of them together. A code sequence has some hundred bytes; bulk data is not what rules are for. */
const MAX_BYTES = 4 * 1024 * 1024;

/** By tag; of a tag that stands twice the first. Reads no further than needed. Throws UnfitValue when they are more than 4 MiB. */
export async function gatherElements(
  chunks: AsyncIterable<Buffer>,
  scan: DataSetScan,
  tags: ReadonlySet<number>,
): Promise<Map<number, Buffer>> {
  const wanted = new Map<number, IndexedElement>();
  for (const element of scan.elements)
    if (tags.has(element.tag) && element.endOffset !== -1 && !wanted.has(element.tag)) wanted.set(element.tag, element);
  const bytes = [...wanted.values()].reduce((sum, { headerOffset, endOffset }) => sum + endOffset - headerOffset, 0);
  if (bytes > MAX_BYTES) throw new UnfitValue(`the attributes that rules name have ${bytes} bytes, more than ${MAX_BYTES}`);
  const gathered = new Map([...wanted].map(([tag, { headerOffset, endOffset }]) => [tag, Buffer.alloc(endOffset - headerOffset)]));
  const last = Math.max(0, ...[...wanted.values()].map(({ endOffset }) => endOffset));
  let offset = 0;
  for await (const chunk of chunks) {
    for (const { tag, headerOffset, endOffset } of wanted.values()) {
      const from = Math.max(headerOffset, offset);
      const to = Math.min(endOffset, offset + chunk.length);
      if (from < to) chunk.copy(gathered.get(tag)!, from - headerOffset, from - offset, to - offset);
    }
    offset += chunk.length;
    if (offset >= last) break;
  }
  return gathered;
}
