// A whole data set that is not encapsulated becomes explicit VR little endian while it streams by: values stay what they are, no pixel is decoded.
import { transferSyntaxOf } from '../transfer-syntaxes.ts';
import { bigToLittle, swapped } from './big-to-little.ts';
import { ByteTaker } from './byte-taker.ts';
import { type DataSetScan, elementEncodingOf, type IndexedElement } from './data-set-scanner.ts';
import { explicitHeader, vrForLength } from './element.ts';
import type { ElementEncoding } from './element-header.ts';
import { explicitVr, implicitToExplicit } from './implicit-to-explicit.ts';
import { DicomParseError } from './parse-error.ts';
import { vrUnit } from './value-representation.ts';

const PIXEL_REPRESENTATION = '00280103';
const BITS_ALLOCATED = '00280100';
/** What the scan must want. */
export const CONVERSION_PATHS: readonly string[] = [PIXEL_REPRESENTATION, BITS_ALLOCATED];

/** A value from this size on passes by without being held, where it is no sequence. */
const PASSING_BYTES = 64 * 1024;
/** Elements are held and converted together up to about so many bytes. */
const RUN_BYTES = 1024 * 1024;
/** A sequence, or what stands behind the pixel data, is held whole. Enhanced objects of thousands of frames have some MiB. */
const MOST_HELD_BYTES = 16 * 1024 * 1024;

export interface ConversionSource {
  /** Of the data set as far as its pixel data, or of the whole where it has none, with CONVERSION_PATHS wanted. */
  readonly scan: DataSetScan;
  readonly transferSyntaxUid: string;
}

/**
 * `plain`: the bytes of the data set, inflated where it is deflated. Group lengths are left out; private and unknown elements of implicit VR become UN,
 * as does what a 16-bit length cannot hold (PS3.5 section 6.2.2). Throws DicomParseError, also where no conversion is sure to be right.
 */
export async function* toExplicitLittle(
  { scan, transferSyntaxUid }: ConversionSource,
  plain: AsyncIterable<Buffer>,
): AsyncGenerator<Buffer> {
  const encoding = elementEncodingOf(transferSyntaxUid);
  refuseInconvertible(scan, transferSyntaxUid, encoding);
  if (encoding.explicit && !encoding.bigEndian) return yield* plain;
  const signed = scan.values.get(PIXEL_REPRESENTATION)?.[0] === 1;
  const bytes = new ByteTaker(plain);
  let position = 0;
  for (const step of stepsOf(scan, encoding)) {
    if ('held' in step) yield convertedRun(await bytes.take(step.held), { encoding, signed });
    else yield* passing(bytes, step.passing, { encoding, signed });
    position += 'held' in step ? step.held : step.passing.endOffset - step.passing.headerOffset;
  }
  const rest = await bytes.rest(MOST_HELD_BYTES);
  if (rest === undefined) throw new DicomParseError(`more than ${MOST_HELD_BYTES} bytes behind the pixel data`, { offset: position });
  if (rest.length > 0) yield convertedRun(rest, { encoding, signed });
}

function refuseInconvertible(scan: DataSetScan, transferSyntaxUid: string, encoding: ElementEncoding): void {
  const syntax = transferSyntaxOf(transferSyntaxUid);
  const refuse = (what: string): never => {
    throw new DicomParseError(what, { offset: scan.pixelData?.headerOffset ?? 0 });
  };
  if (syntax === undefined || scan.opaque) refuse(`transfer syntax ${transferSyntaxUid} is unknown`);
  if (syntax?.encapsulated) refuse(`the pixel data is compressed (${syntax.name})`);
  if (scan.group2 !== undefined) refuse('group 2 inside the data set');
  if (!scan.indexComplete) refuse(`more than ${scan.elements.length} elements`);
  if (scan.pixelData?.undefinedLength) refuse('the pixel data is encapsulated, which its transfer syntax does not allow');
  // Programs differ: some turn each 16-bit word of such a cell, some the whole cell.
  if (encoding.bigEndian && scan.pixelData !== undefined && (scan.values.get(BITS_ALLOCATED)?.readUInt16LE() ?? 0) > 16)
    refuse('big endian pixel cells of more than 16 bits have no byte order that all programs agree on');
}

/** So many bytes held and converted together, or one element passing by. */
type Step = { readonly held: number } | { readonly passing: IndexedElement };

function* stepsOf({ elements }: DataSetScan, encoding: ElementEncoding): Generator<Step> {
  let run = 0;
  for (const element of elements) {
    const size = element.endOffset - element.headerOffset;
    const isPassing = mayPass(element, encoding);
    if (run > 0 && (isPassing || run + size > RUN_BYTES)) {
      yield { held: run };
      run = 0;
    }
    if (isPassing) yield { passing: element };
    else run += size;
    if (run > MOST_HELD_BYTES) throw new DicomParseError(`a sequence of ${run} bytes`, { offset: element.headerOffset, tag: element.tag });
  }
  if (run > 0) yield { held: run };
}

function mayPass({ tag, vr, length }: IndexedElement, encoding: ElementEncoding): boolean {
  return length >= PASSING_BYTES && (encoding.explicit ? vr : explicitVr(tag, false)) !== 'SQ';
}

interface Layout {
  readonly encoding: ElementEncoding;
  readonly signed: boolean;
}

const convertedRun = (bytes: Buffer, { encoding, signed }: Layout): Buffer =>
  encoding.explicit ? bigToLittle(bytes) : implicitToExplicit(bytes, { signed });

async function* passing(bytes: ByteTaker, element: IndexedElement, { encoding, signed }: Layout): AsyncGenerator<Buffer> {
  const { tag, length, headerOffset, valueOffset } = element;
  const vr = vrForLength(encoding.explicit ? (element.vr ?? 'UN') : explicitVr(tag, signed), length);
  await bytes.take(valueOffset - headerOffset);
  yield explicitHeader(tag, vr, length);
  yield* encoding.bigEndian ? swappedChunks(bytes.pass(length), vr) : bytes.pass(length);
}

/** Units may straddle chunks. */
async function* swappedChunks(chunks: AsyncIterable<Buffer>, vr: string): AsyncGenerator<Buffer> {
  let carried: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const joined = carried.length === 0 ? chunk : Buffer.concat([carried, chunk]);
    const whole = joined.length - (joined.length % vrUnit(vr));
    carried = Buffer.from(joined.subarray(whole));
    if (whole > 0) yield swapped(joined.subarray(0, whole), vr);
  }
  if (carried.length > 0) yield carried;
}
