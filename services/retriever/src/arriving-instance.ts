// One instance on its way from the source into the store: own group 2 in front, the data set byte for byte, hashed and scanned as it streams.
import { createHash } from 'node:crypto';
import { newReceiptId, type ObjectKey, type ReceiptId } from '@causeway/shared/brands';
import { type HeaderReader, uidOf } from '@causeway/shared/config/header-reader';
import { digestBytes, encodeCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { type FileMeta, parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { PermanentError } from '@causeway/shared/errors';
import { type AssociationFacts, type Instance, instance as instanceSchema, type Lane } from '@causeway/shared/events/instance';
import type { ObjectStore, ObjectUpload } from '@causeway/shared/object-store/object-store';

/** What the source sent is not an instance of the study that was asked for: it goes nowhere. The source may well send the others right. */
export class InstanceRefused extends PermanentError {
  override readonly name = 'InstanceRefused';
}

export interface Arrival {
  readonly store: ObjectStore;
  readonly header: HeaderReader;
  readonly studyInstanceUid: string;
  readonly lane: Lane;
  /** Stands in group 2 and in the event where a received instance has its association. */
  readonly association: AssociationFacts;
  readonly keyFor: (sopInstanceUid: string, receiptId: ReceiptId) => ObjectKey;
  readonly now: () => Date;
}

/** Resolves when the object is durable. Throws InstanceRefused (the body is read to its end first), TransientError, or the error of the body; then nothing is kept. */
export async function storeArriving(arrival: Arrival, body: AsyncIterable<Buffer>): Promise<Instance> {
  const arriving = new ArrivingInstance(arrival);
  try {
    for await (const chunk of body) await arriving.write(chunk);
    return await arriving.end();
  } catch (error) {
    await arriving.discard();
    if (error instanceof DicomParseError) throw new InstanceRefused('the source sent what cannot be parsed', { cause: error });
    throw error;
  }
}

/** Known once group 2 of the source is read. */
interface Opened {
  readonly meta: FileMeta;
  readonly scanner: DataSetScanner;
  readonly upload: ObjectUpload;
  readonly objectKey: ObjectKey;
  readonly digestPosition: number;
}

class ArrivingInstance {
  readonly #arrival: Arrival;
  readonly #receiptId = newReceiptId();
  readonly #receivedAt: string;
  readonly #hash = createHash('sha256');
  #head: Buffer = Buffer.alloc(0);
  #opened: Opened | undefined;
  #broken: DicomParseError | undefined;

  constructor(arrival: Arrival) {
    this.#arrival = arrival;
    this.#receivedAt = arrival.now().toISOString();
  }

  /** A parse error is kept until the end: the next part can only be read behind this one. */
  async write(chunk: Buffer): Promise<void> {
    if (this.#broken !== undefined) return;
    try {
      await (this.#opened === undefined ? this.#writeHead(chunk) : this.#writeDataSet(this.#opened, chunk));
    } catch (error) {
      if (!(error instanceof DicomParseError)) throw error;
      this.#broken = error;
    }
  }

  async end(): Promise<Instance> {
    if (this.#broken !== undefined) throw this.#broken;
    const opened = this.#opened;
    if (opened === undefined) throw new InstanceRefused('the source sent a file without a whole group 2');
    const instance = this.#describe(opened, await opened.scanner.end());
    opened.upload.patch(opened.digestPosition, digestBytes(instance.digest));
    const { size } = await opened.upload.commit();
    return { ...instance, size };
  }

  async discard(): Promise<void> {
    await this.#opened?.upload.discard();
  }

  async #writeHead(chunk: Buffer): Promise<void> {
    this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
    const parsed = parseFileMeta(this.#head);
    if (parsed === undefined) return;
    const opened = this.#open(parsed.meta);
    this.#opened = opened.opened;
    await opened.opened.upload.write(opened.group2);
    const rest = this.#head.subarray(parsed.dataSetOffset);
    this.#head = Buffer.alloc(0);
    if (rest.length > 0) await this.#writeDataSet(this.#opened, rest);
  }

  async #writeDataSet({ scanner, upload }: Opened, chunk: Buffer): Promise<void> {
    this.#hash.update(chunk);
    await scanner.write(chunk);
    await upload.write(chunk);
  }

  #open(meta: FileMeta): { opened: Opened; group2: Buffer } {
    const { store, header, association, lane, keyFor } = this.#arrival;
    const { sopClassUid, sopInstanceUid, transferSyntaxUid } = meta;
    const facts = { sopClassUid, sopInstanceUid, transferSyntaxUid, lane, receivedAt: this.#receivedAt, ...association };
    const { bytes, digestPosition } = encodeCustodyMeta(facts);
    const objectKey = keyFor(sopInstanceUid, this.#receiptId);
    const scanner = new DataSetScanner({ transferSyntaxUid, wanted: header.wanted });
    return { opened: { meta, scanner, upload: store.create(objectKey), objectKey, digestPosition }, group2: bytes };
  }

  /** Size is that of the object, known at its commit. */
  #describe({ meta, objectKey }: Opened, scan: DataSetScan): Instance {
    const { header, studyInstanceUid, lane, association } = this.#arrival;
    const identity = scan.opaque ? { studyInstanceUid } : header.identity(scan);
    if (identity.studyInstanceUid !== studyInstanceUid)
      throw new InstanceRefused(`the source sent an instance that is not of study ${studyInstanceUid}`);
    if (
      !scan.opaque &&
      (uidOf(scan.values.get('00080018')) !== meta.sopInstanceUid || uidOf(scan.values.get('00080016')) !== meta.sopClassUid)
    ) {
      throw new InstanceRefused('the source sent a file whose group 2 and data set name different instances');
    }
    const described = instanceSchema.safeParse({
      receiptId: this.#receiptId,
      objectKey,
      size: 0,
      digest: this.#hash.digest('hex'),
      transferSyntaxUid: meta.transferSyntaxUid,
      receivedAt: this.#receivedAt,
      sopClassUid: meta.sopClassUid,
      sopInstanceUid: meta.sopInstanceUid,
      ...identity,
      lane,
      association,
      attributes: header.attributes(scan),
    });
    if (!described.success) throw new InstanceRefused('the source sent an instance whose UIDs are not of the form of one');
    return described.data;
  }
}
