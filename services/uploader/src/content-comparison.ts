// Whether what an archive gives back is what we would send: byte for byte, or as far as two encodings of one instance can be compared without decoding pixels.
import { createHash, type Hash } from 'node:crypto';
import { decodeText } from '@causeway/shared/dicom/part10/charset';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';

/** What makes an instance this one of this patient: of two encodings of it, all of these are the same. */
const IDENTITY: readonly string[] = [
  '00080016', // SOP Class UID
  '00080018', // SOP Instance UID
  '0020000D', // Study Instance UID
  '0020000E', // Series Instance UID
  '00080020', // Study Date
  '00080023', // Content Date
  '00080050', // Accession Number
  '00080060', // Modality
  '00100010', // Patient's Name
  '00100020', // Patient ID
  '00100021', // Issuer of Patient ID
  '00100030', // Patient's Birth Date
  '00100040', // Patient's Sex
  '00200011', // Series Number
  '00200013', // Instance Number
  '00200060', // Laterality
  '00200062', // Image Laterality
  '00280008', // Number of Frames
  '00280010', // Rows
  '00280011', // Columns
];
/** Numbers: compared as bytes, not as text. */
const BINARY = new Set(['00280010', '00280011']);

export interface Content {
  readonly transferSyntaxUid: string;
  /** SHA-256 of the data set, lower-case hex. */
  readonly digest: string;
  /** Text by tag; undefined: the data set cannot be parsed in its transfer syntax. */
  readonly identity: ReadonlyMap<string, string> | undefined;
  /** SHA-256 of the value of the pixel data; absent: there is none, or it lies deflated. */
  readonly pixelDigest: string | undefined;
}

/** identical: byte for byte. unlike: another instance, patient or image. alike: neither could be shown; `difference` says what was not equal. */
export type Likeness = { readonly kind: 'identical' } | { readonly kind: 'unlike' | 'alike'; readonly difference: string };

/** Reads the data set to its end, in memory that does not depend on its size. Errors of `chunks` pass through. */
export async function contentOf(chunks: AsyncIterable<Buffer>, transferSyntaxUid: string): Promise<Content> {
  const hash = createHash('sha256');
  const scanner = new DataSetScanner({ transferSyntaxUid, wanted: IDENTITY });
  const pixels = new PixelHash(transferSyntaxOf(transferSyntaxUid)?.deflated === true);
  let readable = true;
  for await (const chunk of chunks) {
    hash.update(chunk);
    readable &&= await scanned(() => scanner.write(chunk));
    if (readable) pixels.update(chunk, scanner);
  }
  let scan: DataSetScan | undefined;
  readable &&= await scanned(async () => {
    scan = await scanner.end();
  });
  const identity = readable && scan !== undefined && !scan.opaque ? identityOf(scan) : undefined;
  return { transferSyntaxUid, digest: hash.digest('hex'), identity, pixelDigest: identity && pixels.digest() };
}

async function scanned(work: () => Promise<void> | undefined): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof DicomParseError) return false;
    throw error;
  }
}

function identityOf(scan: DataSetScan): Map<string, string> {
  const present = IDENTITY.flatMap((tag) => {
    const value = scan.values.get(tag);
    return value === undefined ? [] : [[tag, value] as const];
  });
  const text = (tag: string, value: Buffer) => decodeText(value, scan.vrs.get(tag) ?? 'LO', scan.specificCharacterSet);
  return new Map(present.map(([tag, value]) => [tag, BINARY.has(tag) ? value.toString('hex') : text(tag, value)]));
}

/** Hashes the value of the top-level pixel data as it streams by. */
class PixelHash {
  readonly #off: boolean;
  readonly #hash: Hash = createHash('sha256');
  #position = 0;
  #span: { readonly start: number; readonly end: number } | undefined;

  constructor(off: boolean) {
    this.#off = off;
  }

  /** `scanner` has been given the chunk. */
  update(chunk: Buffer, scanner: DataSetScanner): void {
    if (this.#off) return;
    if (this.#span === undefined && scanner.pixelDataReached) this.#span = spanOf(scanner.snapshot());
    const start = this.#position;
    this.#position += chunk.length;
    const span = this.#span;
    if (span !== undefined && this.#position > span.start && start < span.end)
      this.#hash.update(chunk.subarray(Math.max(0, span.start - start), Math.max(0, span.end - start)));
  }

  digest(): string | undefined {
    return this.#span === undefined ? undefined : this.#hash.digest('hex');
  }
}

/** Of undefined length: up to the end of the data set. */
function spanOf({ pixelData }: DataSetScan): { start: number; end: number } {
  const { valueOffset, length } = pixelData!;
  return { start: valueOffset, end: length === -1 ? Number.POSITIVE_INFINITY : valueOffset + length };
}

export function compareContent(ours: Content, theirs: Content): Likeness {
  if (ours.digest === theirs.digest) return { kind: 'identical' };
  if (ours.identity === undefined || theirs.identity === undefined) return { kind: 'alike', difference: 'one of the two cannot be parsed' };
  const tag = IDENTITY.find((one) => (ours.identity!.get(one) ?? '') !== (theirs.identity!.get(one) ?? ''));
  if (tag !== undefined) return { kind: 'unlike', difference: `(${tag.slice(0, 4)},${tag.slice(4)}) differs` };
  if (!sameLayout(ours.transferSyntaxUid, theirs.transferSyntaxUid)) {
    return { kind: 'alike', difference: `it is kept in transfer syntax ${theirs.transferSyntaxUid}` };
  }
  if (ours.pixelDigest === undefined && theirs.pixelDigest === undefined) return { kind: 'unlike', difference: 'the data set differs' };
  if (ours.pixelDigest !== theirs.pixelDigest) return { kind: 'unlike', difference: 'the pixel data differs' };
  return { kind: 'alike', difference: 'attributes beside identity and pixel data differ' };
}

/** Whether equal pixels are equal bytes in both. */
function sameLayout(one: string, other: string): boolean {
  if (one === other) return transferSyntaxOf(one)?.deflated !== true;
  return [one, other].every((uid) => {
    const syntax = transferSyntaxOf(uid);
    return syntax?.kind === 'uncompressed' && syntax.littleEndian && !syntax.encapsulated && !syntax.deflated;
  });
}
