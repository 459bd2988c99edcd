// One part of a STOW-RS request on its way to disk: streamed, hashed and scanned chunk by chunk (PS3.18 section 10.5).
import { createHash } from 'node:crypto';
import { decodeText } from '@causeway/shared/dicom/part10/charset';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { type FileMeta, parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import type { Archive, IncomingFile } from './archive.ts';
import { INDEXED_ATTRIBUTES, SERIES_INSTANCE_UID, SOP_CLASS_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID } from './indexed-attributes.ts';
import { type StoredInstance, storedInstance } from './stored-instance.ts';

/** PS3.18 table I.2-2. */
export const FAILURE = {
  doesNotMatchSopClass: 0xa900,
  cannotUnderstand: 0xc000,
  transferSyntaxNotSupported: 0xc122,
  outOfResources: 0xa700,
} as const;

/** Why an instance is not stored, with the UIDs as far as they are known. */
export class InstanceRefused extends Error {
  override readonly name = 'InstanceRefused';
  readonly reason: number;
  readonly sopClassUid: string | undefined;
  readonly sopInstanceUid: string | undefined;
  constructor(message: string, reason: number, meta?: FileMeta) {
    super(message);
    this.reason = reason;
    this.sopClassUid = meta?.sopClassUid;
    this.sopInstanceUid = meta?.sopInstanceUid;
  }
}

export interface ReceivedInstance {
  readonly file: IncomingFile;
  readonly record: StoredInstance;
}

/** Group 2 is a few hundred bytes; private information (0002,0102) may make it larger. */
const MAX_META_BYTES = 1024 * 1024;
const WANTED = INDEXED_ATTRIBUTES.map((attribute) => attribute.tag);

/**
 * Resolves when the file is written; it becomes durable and visible by Archive.commit. Throws InstanceRefused when this instance cannot be stored (its body is read to
 * the end first), or the error of the body when that broke. On any throw nothing stays on disk.
 */
export async function receiveInstance(archive: Archive, body: AsyncIterable<Buffer>): Promise<ReceivedInstance> {
  const file = await archive.receive();
  const reading = new InstanceReading();
  try {
    for await (const chunk of body) {
      await file.write(chunk);
      await reading.write(chunk);
    }
    const content = await reading.end();
    await file.finish();
    return { file, record: recordOf(content, { file: archive.nameFor(content.meta.sopInstanceUid), size: file.size }) };
  } catch (error) {
    await file.discard();
    throw error;
  }
}

interface Content {
  readonly meta: FileMeta;
  readonly scan: DataSetScan;
  readonly digest: string;
}

/** Head first, then the data set; a parse error is kept until the whole body was read, so that the next part can be. */
class InstanceReading {
  readonly #hash = createHash('sha256');
  #head: Buffer = Buffer.alloc(0);
  #meta: FileMeta | undefined;
  #scanner: DataSetScanner | undefined;
  #refused: InstanceRefused | undefined;

  async write(chunk: Buffer): Promise<void> {
    if (this.#refused !== undefined) return;
    try {
      await (this.#scanner === undefined ? this.#writeHead(chunk) : this.#writeDataSet(chunk));
    } catch (error) {
      this.#refuse(error);
    }
  }

  async end(): Promise<Content> {
    try {
      if (this.#refused === undefined && this.#scanner === undefined)
        throw new InstanceRefused('no whole group 2', FAILURE.cannotUnderstand);
      const scan = await this.#scanner?.end();
      if (this.#refused === undefined && scan !== undefined && this.#meta !== undefined) {
        return { meta: this.#meta, scan, digest: this.#hash.digest('hex') };
      }
    } catch (error) {
      this.#refuse(error);
    }
    throw this.#refused;
  }

  async #writeHead(chunk: Buffer): Promise<void> {
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const parsed = parseFileMeta(this.#head);
    if (parsed === undefined) {
      if (this.#head.length > MAX_META_BYTES)
        throw new InstanceRefused(`group 2 of more than ${MAX_META_BYTES} bytes`, FAILURE.cannotUnderstand);
      return;
    }
    this.#meta = parsed.meta;
    this.#scanner = new DataSetScanner({ transferSyntaxUid: parsed.meta.transferSyntaxUid, wanted: WANTED });
    const rest = this.#head.subarray(parsed.dataSetOffset);
    this.#head = Buffer.alloc(0);
    await this.#writeDataSet(rest);
  }

  async #writeDataSet(chunk: Buffer): Promise<void> {
    this.#hash.update(chunk);
    await this.#scanner?.write(chunk);
  }

  #refuse(error: unknown): void {
    if (error instanceof InstanceRefused) this.#refused ??= error;
    else if (error instanceof DicomParseError) this.#refused ??= new InstanceRefused(error.message, FAILURE.cannotUnderstand, this.#meta);
    else throw error;
  }
}

function recordOf({ meta, scan, digest }: Content, { file, size }: { file: string; size: number }): StoredInstance {
  if (scan.opaque) throw new InstanceRefused('a transfer syntax unknown to us', FAILURE.transferSyntaxNotSupported, meta);
  const attributes = attributesOf(scan);
  if (attributes[SOP_CLASS_UID] !== meta.sopClassUid || attributes[SOP_INSTANCE_UID] !== meta.sopInstanceUid) {
    throw new InstanceRefused('group 2 and data set name different instances', FAILURE.doesNotMatchSopClass, meta);
  }
  const record = storedInstance.safeParse({
    file,
    storedAt: new Date().toISOString(),
    size,
    digest,
    transferSyntaxUid: meta.transferSyntaxUid,
    sopClassUid: meta.sopClassUid,
    sopInstanceUid: meta.sopInstanceUid,
    studyInstanceUid: attributes[STUDY_INSTANCE_UID],
    seriesInstanceUid: attributes[SERIES_INSTANCE_UID],
    attributes,
  });
  if (!record.success) throw new InstanceRefused('a UID is missing or not of the form of one', FAILURE.doesNotMatchSopClass, meta);
  return record.data;
}

function attributesOf(scan: DataSetScan): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const { tag, vr } of INDEXED_ATTRIBUTES) {
    const value = scan.values.get(tag);
    if (value === undefined) continue;
    attributes[tag] = vr === 'US' ? shortsOf(value) : decodeText(value, vr, scan.specificCharacterSet);
  }
  return attributes;
}

/** Values of the scanner are little endian whatever the data set is. */
function shortsOf(value: Buffer): string {
  const count = value.length >> 1;
  return Array.from({ length: count }, (_, place) => value.readUInt16LE(place * 2)).join('\\');
}
