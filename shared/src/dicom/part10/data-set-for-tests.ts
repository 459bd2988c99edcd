// For tests: data sets written from a description in any byte layout, and drawn at random from a seed.
import { type ElementEncoding, ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER, UNDEFINED_LENGTH } from './element-header.ts';
import { isLongFormVr, vrUnit } from './value-representation.ts';

/** `value` little endian; or `items`; or `fragments`. `open`: undefined length. */
export interface DescribedElement {
  readonly tag: number;
  readonly vr: string;
  readonly value?: Buffer;
  readonly items?: readonly DescribedItem[];
  readonly fragments?: readonly Buffer[];
  readonly open?: boolean;
}
export interface DescribedItem {
  readonly elements: readonly DescribedElement[];
  readonly open?: boolean;
}

export function writeDataSet(elements: readonly DescribedElement[], encoding: ElementEncoding): Buffer {
  return Buffer.concat(elements.map((element) => writeElement(element, encoding)));
}

function writeElement(element: DescribedElement, encoding: ElementEncoding): Buffer {
  const body = bodyOf(element, encoding);
  const length = element.open || element.fragments ? UNDEFINED_LENGTH : body.length;
  return Buffer.concat([writeHeader(element, length, encoding), body]);
}

function bodyOf(element: DescribedElement, encoding: ElementEncoding): Buffer {
  if (element.fragments) {
    const parts = element.fragments.flatMap((fragment) => [delimiter(ITEM, fragment.length, encoding), fragment]);
    return Buffer.concat([...parts, delimiter(SEQUENCE_DELIMITER, 0, encoding)]);
  }
  if (element.items) {
    const items = element.items.map((item) => writeItem(item, encoding));
    return Buffer.concat(element.open ? [...items, delimiter(SEQUENCE_DELIMITER, 0, encoding)] : items);
  }
  const value = Buffer.from(element.value!);
  const unit = vrUnit(element.vr);
  if (encoding.bigEndian) for (let at = 0; at + unit <= value.length; at += unit) value.subarray(at, at + unit).reverse();
  return value;
}

function writeItem(item: DescribedItem, encoding: ElementEncoding): Buffer {
  const body = writeDataSet(item.elements, encoding);
  if (!item.open) return Buffer.concat([delimiter(ITEM, body.length, encoding), body]);
  return Buffer.concat([delimiter(ITEM, UNDEFINED_LENGTH, encoding), body, delimiter(ITEM_DELIMITER, 0, encoding)]);
}

function delimiter(tag: number, length: number, { bigEndian }: ElementEncoding): Buffer {
  return writeHeader({ tag, vr: '' }, length, { explicit: false, bigEndian });
}

function writeHeader({ tag, vr }: { tag: number; vr: string }, length: number, { explicit, bigEndian }: ElementEncoding): Buffer {
  const header = Buffer.alloc(explicit && isLongFormVr(vr) ? 12 : 8);
  const number = (value: number, at: number, bytes: 2 | 4): number =>
    bigEndian ? header.writeUIntBE(value, at, bytes) : header.writeUIntLE(value, at, bytes);
  number(tag >>> 16, 0, 2);
  number(tag & 0xffff, 2, 2);
  if (explicit) header.write(vr, 4, 'latin1');
  if (explicit && header.length === 8) number(length, 6, 2);
  else number(length, header.length - 4, 4);
  return header;
}

/** Numbers from 0 to below 1, always the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);

/** Standard tags whose VR the dictionary knows, a private block, and sequences. */
const PLAIN: readonly (readonly [number, string])[] = [
  [0x00080008, 'CS'],
  [0x00080060, 'CS'],
  [0x00080080, 'LO'],
  [0x00091010, 'UN'],
  [0x00100010, 'PN'],
  [0x00180050, 'DS'],
  [0x00200013, 'IS'],
  [0x00280010, 'US'],
  [0x00280011, 'US'],
  [0x00281201, 'OW'],
  [0x00420011, 'OB'],
  [0x00400244, 'DA'],
  [0x00409225, 'FD'],
];
const SEQUENCES = [0x00081115, 0x00400275, 0x00081140];

/** A valid data set, in ascending order of tags; `fragmented`: its pixel data is encapsulated. */
export function randomDataSet(random: Random, options: { depth?: number; fragmented?: boolean } = {}): DescribedElement[] {
  const elements = randomElements(random, options.depth ?? 3);
  const pixels = (): Buffer => Buffer.from(Array.from({ length: 2 * below(random, 200) }, () => below(random, 256)));
  if (random() < 0.8) {
    const fragments = options.fragmented ? Array.from({ length: below(random, 4) }, pixels) : undefined;
    elements.push(fragments ? { tag: 0x7fe00010, vr: 'OB', fragments } : { tag: 0x7fe00010, vr: 'OW', value: pixels() });
    if (random() < 0.3) elements.push({ tag: 0xfffcfffc, vr: 'OB', value: Buffer.alloc(2 * below(random, 9)) });
  }
  return elements;
}

function randomElements(random: Random, depth: number): DescribedElement[] {
  const elements: DescribedElement[] = [];
  for (const [tag, vr] of PLAIN) if (random() < 0.5) elements.push({ tag, vr, value: randomValue(random, vr) });
  for (const tag of SEQUENCES) if (depth > 0 && random() < 0.4) elements.push(randomSequence(random, { tag, depth }));
  return elements.sort((one, other) => one.tag - other.tag);
}

function randomValue(random: Random, vr: string): Buffer {
  const bytes = vrUnit(vr) === 8 ? 8 : 2 * below(random, 12);
  return Buffer.from(Array.from({ length: bytes }, () => 0x20 + below(random, 90)));
}

function randomSequence(random: Random, { tag, depth }: { tag: number; depth: number }): DescribedElement {
  const items = Array.from({ length: below(random, 3) }, () => ({ elements: randomElements(random, depth - 1), open: random() < 0.5 }));
  return { tag, vr: 'SQ', items, open: random() < 0.5 };
}

/** The bytes cut into chunks of random sizes, empty ones among them. */
export function* randomChunks(bytes: Buffer, random: Random, most = 40): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const size = below(random, most);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
