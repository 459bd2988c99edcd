// Instances that look like real ones, a store in memory, and due deliveries of them.
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { newReceiptId, type ObjectKey, objectKey, receivedKey } from '@causeway/shared/brands';
import { encodeElement, textElement } from '@causeway/shared/dicom/part10/element';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { ObjectMissing } from '@causeway/shared/errors';
import { type Delivery, type DeliveryDue, deliveryIdOf } from '@causeway/shared/events/delivery';
import type { Lane, ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

export const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';
export const JPEG_2000_LOSSLESS = '1.2.840.10008.1.2.4.90';

export interface MemoryStore extends ObjectStore {
  readonly objects: Map<ObjectKey, Buffer>;
}

const CHUNK_BYTES = 16 * 1024;

/** `create`, `list` and `probe` are not needed by an uploader. */
export function memoryStore(): MemoryStore {
  const objects = new Map<ObjectKey, Buffer>();
  const unused = (): never => {
    throw new Error('an uploader has no need of this');
  };
  return {
    objects,
    get: async (key, range) => {
      const bytes = objects.get(key);
      if (bytes === undefined) throw new ObjectMissing(`no ${key}`);
      const part = bytes.subarray(range?.start ?? 0, range?.end ?? bytes.length);
      const chunks = Array.from({ length: Math.ceil(part.length / CHUNK_BYTES) }, (_, n) =>
        part.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES),
      );
      return Readable.from(chunks);
    },
    stat: async (key) => (objects.has(key) ? { size: objects.get(key)!.length, modifiedAt: new Date(0) } : undefined),
    delete: async (key) => void objects.delete(key),
    create: unused,
    list: unused,
    probe: unused,
  };
}

let drawn = 0;
/** Unique in this process and, by its random root, beyond it. */
const ROOT = `2.25.${BigInt(`0x${randomBytes(8).toString('hex')}`)}`;
export const newUid = (): string => `${ROOT}.${++drawn}`;

export interface InstanceOptions {
  readonly sopInstanceUid?: string;
  readonly studyInstanceUid?: string;
  readonly sopClassUid?: string;
  readonly transferSyntaxUid?: string;
  /** Width and height in pixels; one byte each. */
  readonly edge?: number;
  readonly lane?: Lane;
  readonly destination?: string;
}

/** A data set in Explicit VR Little Endian: a grey secondary capture with noise for pixels. */
export function newDataSet(options: InstanceOptions & { sopInstanceUid: string }): Buffer {
  const edge = options.edge ?? 64;
  const us = (tag: number, number: number) => {
    const value = Buffer.alloc(2);
    value.writeUInt16LE(number);
    return { tag, vr: 'US', value };
  };
  const elements = [
    textElement(0x00080016, 'UI', options.sopClassUid ?? SECONDARY_CAPTURE),
    textElement(0x00080018, 'UI', options.sopInstanceUid),
    textElement(0x00080060, 'CS', 'OT'),
    textElement(0x00090010, 'LO', 'PRIVATE CREATOR'),
    textElement(0x00091001, 'LO', 'kept as it is'),
    textElement(0x00100010, 'PN', 'Canary^Uploader'),
    textElement(0x00100020, 'LO', 'CANARY-UPLOADER'),
    textElement(0x0020000d, 'UI', options.studyInstanceUid ?? newUid()),
    textElement(0x0020000e, 'UI', newUid()),
    us(0x00280002, 1),
    textElement(0x00280004, 'CS', 'MONOCHROME2'),
    ...[us(0x00280010, edge), us(0x00280011, edge), us(0x00280100, 8), us(0x00280101, 8), us(0x00280102, 7), us(0x00280103, 0)],
    { tag: 0x7fe00010, vr: 'OB', value: randomBytes(edge * edge) },
  ];
  return Buffer.concat(elements.map((element) => encodeElement(element)));
}

/** Puts a Part 10 object of the data set into the store. */
export function storeObject(
  store: MemoryStore,
  key: ObjectKey,
  object: { dataSet: Buffer; sopInstanceUid: string; sopClassUid?: string; transferSyntaxUid: string },
): ObjectRef {
  const { dataSet, sopInstanceUid, transferSyntaxUid } = object;
  const head = encodeFileMeta({ sopClassUid: object.sopClassUid ?? SECONDARY_CAPTURE, sopInstanceUid, transferSyntaxUid });
  store.objects.set(key, Buffer.concat([head, dataSet]));
  const digest = createHash('sha256').update(dataSet).digest('hex');
  return { objectKey: key, size: head.length + dataSet.length, digest, transferSyntaxUid };
}

/** A received instance with its object in the store, due to a destination. */
export function newDelivery(store: MemoryStore, options: InstanceOptions = {}): Delivery & { dataSet: Buffer } {
  const receiptId = newReceiptId();
  const sopInstanceUid = options.sopInstanceUid ?? newUid();
  const studyInstanceUid = options.studyInstanceUid ?? newUid();
  const dataSet = newDataSet({ ...options, studyInstanceUid, sopInstanceUid });
  const sopClassUid = options.sopClassUid ?? SECONDARY_CAPTURE;
  const transferSyntaxUid = options.transferSyntaxUid ?? EXPLICIT_VR_LITTLE_ENDIAN;
  const ref = storeObject(store, receivedKey(receiptId), { dataSet, sopInstanceUid, sopClassUid, transferSyntaxUid });
  const destination = options.destination ?? 'archive';
  return {
    dataSet,
    id: deliveryIdOf(receiptId, destination),
    destination,
    cause: { rule: 'facility default', revision: 1 },
    instance: {
      ...ref,
      ...{ receiptId, sopClassUid, sopInstanceUid, studyInstanceUid },
      receivedAt: new Date().toISOString(),
      lane: options.lane ?? 'routine',
      association: { callingAe: 'MODALITY', calledAe: 'GATEWAY', source: '10.0.0.1', listener: 'lan' },
      attributes: {},
    },
  };
}

/** The same with an object beside it that the compression rules are said to have made. */
export function withCompressed(store: MemoryStore, delivery: Delivery, dataSet: Buffer): Delivery {
  const { receiptId, sopInstanceUid, sopClassUid } = delivery.instance;
  const key = objectKey(`derived/${receiptId}/jpeg2000-lossless-1.dcm`);
  const object = { dataSet, sopInstanceUid, sopClassUid, transferSyntaxUid: JPEG_2000_LOSSLESS };
  return { ...delivery, compressed: storeObject(store, key, object) };
}

export function dueOf(delivery: Delivery, generation = 0): DeliveryDue {
  return {
    ...{ id: newReceiptId(), version: 1 as const, generation, occurredAt: new Date().toISOString() },
    type: 'delivery.due',
    delivery,
  };
}
