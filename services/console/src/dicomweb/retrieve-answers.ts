// Instances as they were received, and their headers: streamed from the object store at the client's pace, one chunk in memory (PS3.18 section 10.4).
import { Readable } from 'node:stream';
import type { HeldInstance } from '@causeway/shared/database/holdings';
import { type DataSetScan, DataSetScanner, elementEncodingOf } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { Inflation } from '@causeway/shared/dicom/part10/inflation';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { dataSetJson } from '@causeway/shared/dicomweb/data-set-json';
import type { DicomJson } from '@causeway/shared/dicomweb/dicom-json';
import { type MultipartBody, multipartRelated } from '@causeway/shared/dicomweb/multipart-writer';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { instanceAnswer } from './search-answers.ts';

export type Store = Pick<ObjectStore, 'get'>;

/** Headers are far below it; what passes it is told as a search tells it. */
const MOST_HEADER_BYTES = 16 * 1024 ** 2;
/** What comes behind the header is inflated to the end of a chunk, and not kept. */
const MOST_INFLATED_BYTES = 1024 ** 3;
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

/** `first`: the beginning of the first object, read already: what is not there any more is known before the answer begins. */
export function instancesBody(store: Store, found: readonly HeldInstance[], first: Readable): MultipartBody {
  const parts = found.map((instance, place) => ({
    contentType: `application/dicom; transfer-syntax=${instance.transferSyntaxUid}`,
    size: instance.size,
    open: () => (place === 0 ? bytesOf(first) : opened(store, instance)),
  }));
  return multipartRelated(parts, { type: 'application/dicom' });
}

export const openHeld = (store: Store, { objectKey, size }: HeldInstance): Promise<Readable> =>
  store.get(objectKey, { start: 0, end: size });

async function* opened(store: Store, instance: HeldInstance): AsyncGenerator<Buffer> {
  yield* bytesOf(await openHeld(store, instance));
}

async function* bytesOf(source: Readable): AsyncGenerator<Buffer> {
  for await (const chunk of source) yield chunk as Buffer;
}

/** A JSON array, an instance at a time. */
export function metadataBody(store: Store, found: readonly HeldInstance[], base: string): Readable {
  async function* text(): AsyncGenerator<string> {
    for (const [place, instance] of found.entries())
      yield `${place === 0 ? '[' : ',\n'}${JSON.stringify(await metadataOf(store, instance, base))}`;
    yield ']';
  }
  return Readable.from(text(), { objectMode: false });
}

async function metadataOf(store: Store, instance: HeldInstance, base: string): Promise<DicomJson> {
  const searched = instanceAnswer(instance, base);
  try {
    const header = await readHeader(await openHeld(store, instance), instance.transferSyntaxUid);
    return { ...searched, ...dataSetJson(header, elementEncodingOf(instance.transferSyntaxUid)) };
  } catch (error) {
    if (error instanceof DicomParseError) return searched;
    throw error;
  }
}

/** The data set up to its pixel data, inflated if it is deflated. Throws DicomParseError. */
async function readHeader(source: Readable, transferSyntaxUid: string): Promise<Buffer> {
  const isDeflated = transferSyntaxOf(transferSyntaxUid)?.deflated === true;
  const taken = new HeaderTaker(isDeflated ? EXPLICIT_LITTLE : transferSyntaxUid);
  const inflation = isDeflated ? new Inflation((chunk) => taken.take(chunk), MOST_INFLATED_BYTES) : undefined;
  let head: Buffer | undefined = Buffer.alloc(0);
  for await (let chunk of source as AsyncIterable<Buffer>) {
    if (head !== undefined) {
      head = Buffer.concat([head, chunk]);
      const meta = parseFileMeta(head);
      if (meta === undefined) continue;
      chunk = head.subarray(meta.dataSetOffset);
      head = undefined;
    }
    if (inflation === undefined) taken.take(chunk);
    else await inflation.write(chunk);
    // Leaving the loop destroys the source.
    if (taken.isWhole) break;
  }
  if (inflation !== undefined && !taken.isWhole) await inflation.end();
  return taken.header();
}

/** Keeps the bytes until the pixel data begin; group 2 that a sender left in the data set is not looked for. */
class HeaderTaker {
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  readonly #scanner: DataSetScanner;
  #scan: DataSetScan | undefined;

  constructor(transferSyntaxUid: string) {
    this.#scanner = new DataSetScanner({ transferSyntaxUid, wanted: [] });
  }

  get isWhole(): boolean {
    return this.#scan !== undefined;
  }

  take(chunk: Buffer): void {
    if (this.#scan !== undefined) return;
    this.#chunks.push(Buffer.from(chunk));
    this.#bytes += chunk.length;
    void this.#scanner.write(chunk);
    if (this.#scanner.pixelDataReached) this.#scan = this.#scanner.snapshot();
    else if (this.#bytes > MOST_HEADER_BYTES) throw new DicomParseError('the header is too long', { offset: this.#bytes });
  }

  header(): Buffer {
    return Buffer.concat(this.#chunks).subarray(0, this.#scan?.pixelData?.headerOffset ?? this.#bytes);
  }
}
