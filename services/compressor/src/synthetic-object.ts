// For tests: Part 10 objects made element by element, and a store that holds objects in memory.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { newReceiptId, type ObjectKey, receivedKey } from '@causeway/shared/brands';
import { encodeCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { encodeElement, explicitHeader, implicitHeader } from '@causeway/shared/dicom/part10/element';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { ObjectMissing } from '@causeway/shared/errors';
import type { Instance } from '@causeway/shared/events/instance';
import type { ObjectStore, ObjectUpload } from '@causeway/shared/object-store/object-store';
import type { FrameFormat } from './frame-format.ts';

export interface SyntheticElement {
  readonly tag: number;
  readonly vr: string;
  readonly value: Buffer;
}

const short = (tag: number, value: number): SyntheticElement => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return { tag, vr: 'US', value: bytes };
};
export const text = (tag: number, vr: string, value: string): SyntheticElement => ({ tag, vr, value: Buffer.from(value, 'latin1') });

/** Nuclear Medicine: single and multi-frame, signed and unsigned; GDCM refuses to write signed multi-frame secondary captures. */
const SOP_CLASS_UID = '1.2.840.10008.5.1.4.1.1.20';
export const SOP_INSTANCE_UID = '2.25.4711';

/** The elements of the image pixel module; `photometric` [MONOCHROME2 or RGB]. */
export function pixelModule(format: FrameFormat, { frames = 1, photometric = '' } = {}): SyntheticElement[] {
  const colour = format.samplesPerPixel === 3;
  return [
    short(0x00280002, format.samplesPerPixel),
    text(0x00280004, 'CS', photometric || (colour ? 'RGB' : 'MONOCHROME2')),
    ...(colour ? [short(0x00280006, format.planarConfiguration)] : []),
    ...(frames > 1 ? [text(0x00280008, 'IS', String(frames))] : []),
    short(0x00280010, format.rows),
    short(0x00280011, format.columns),
    short(0x00280100, format.bitsAllocated),
    short(0x00280101, format.bitsStored),
    short(0x00280102, format.bitsStored - 1),
    short(0x00280103, format.signed ? 1 : 0),
  ];
}

export interface SyntheticData {
  readonly elements: readonly SyntheticElement[];
  readonly pixels?: Buffer;
  /** VR of the pixel data [OW]. */
  readonly pixelVr?: string;
  /** Bytes behind the pixel data. */
  readonly tail?: Buffer;
  readonly explicit?: boolean;
}

/** Elements are sorted by tag; a SOP Class and SOP Instance UID are added. */
export function dataSet({ elements, pixels, pixelVr = 'OW', tail, explicit = true }: SyntheticData): Buffer {
  const identity = [text(0x00080016, 'UI', SOP_CLASS_UID), text(0x00080018, 'UI', SOP_INSTANCE_UID)];
  const sorted = [...identity, ...elements].sort((one, other) => one.tag - other.tag);
  const pieces = sorted.map((element) => encodeElement(element, explicit));
  if (pixels !== undefined) {
    const padded = pixels.length + (pixels.length % 2);
    pieces.push(explicit ? explicitHeader(0x7fe00010, pixelVr, padded) : implicitHeader(0x7fe00010, padded), pixels);
    if (pixels.length % 2 === 1) pieces.push(Buffer.alloc(1));
  }
  return Buffer.concat(tail === undefined ? pieces : [...pieces, tail]);
}

/** A received object as the receiver writes it, and the event's instance that tells of it. */
export function receivedObject(data: Buffer, over: Partial<Instance> = {}): { bytes: Buffer; instance: Instance } {
  const receiptId = newReceiptId();
  const association = { callingAe: 'CT1', calledAe: 'GATEWAY', source: '192.0.2.7', listener: 'lan' };
  const facts = {
    sopClassUid: SOP_CLASS_UID,
    sopInstanceUid: SOP_INSTANCE_UID,
    transferSyntaxUid: over.transferSyntaxUid ?? EXPLICIT_VR_LITTLE_ENDIAN,
    lane: over.lane ?? ('routine' as const),
    receivedAt: '2026-01-02T03:04:05.000Z',
  };
  const meta = encodeCustodyMeta({ ...facts, ...association });
  const digest = createHash('sha256').update(data).digest('hex');
  meta.bytes.write(digest, meta.digestPosition, 'latin1');
  const bytes = Buffer.concat([meta.bytes, data]);
  const object = { objectKey: receivedKey(receiptId), size: bytes.length, digest };
  return { bytes, instance: { ...object, ...facts, receiptId, association, attributes: {}, ...over } };
}

/** Objects in memory, given out in small uneven chunks; keys are written once. */
export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, Buffer>();
  /** Uploads begun and neither committed nor discarded. */
  openUploads = 0;

  put(instance: Pick<Instance, 'objectKey'>, bytes: Buffer): void {
    this.objects.set(instance.objectKey, bytes);
  }

  create(key: ObjectKey): ObjectUpload {
    const chunks: Buffer[] = [];
    const patches: { position: number; bytes: Buffer }[] = [];
    this.openUploads++;
    return {
      write: (chunk: Buffer): undefined => void chunks.push(chunk),
      patch: (position: number, bytes: Buffer): void => void patches.push({ position, bytes }),
      commit: async () => {
        this.openUploads--;
        if (this.objects.has(key)) throw new Error(`${key} is written twice`);
        const object = Buffer.concat(chunks);
        for (const { position, bytes } of patches) bytes.copy(object, position);
        this.objects.set(key, object);
        return { size: object.length };
      },
      discard: async () => {
        this.openUploads--;
      },
    };
  }

  async get(key: ObjectKey, { start = 0, end }: { start?: number; end?: number } = {}): Promise<Readable> {
    const object = this.objects.get(key);
    if (object === undefined) throw new ObjectMissing(`${key} is not in the store`);
    return Readable.from(unevenChunks(object.subarray(start, end)), { objectMode: true });
  }

  async stat(key: ObjectKey) {
    const object = this.objects.get(key);
    return object && { size: object.length, modifiedAt: new Date(0) };
  }

  async delete(key: ObjectKey): Promise<void> {
    this.objects.delete(key);
  }

  async *list(prefix: string) {
    for (const [key, { length }] of this.objects) {
      if (key.startsWith(prefix)) yield { key: key as ObjectKey, size: length, modifiedAt: new Date(0) };
    }
  }

  async probe(): Promise<void> {}
}

export interface Encapsulated {
  readonly offsets: number[];
  readonly fragments: Buffer[];
  /** Where the element ends. */
  readonly end: number;
}

/** Reads encapsulated pixel data, `at` its value; independent of how it is written. */
export function readFragments(data: Buffer, at: number): Encapsulated {
  const items: Buffer[] = [];
  let next = at;
  for (;;) {
    const tag = data.subarray(next, next + 4).toString('hex');
    const length = data.readUInt32LE(next + 4);
    next += 8;
    if (tag === 'feffdde0') break;
    if (tag !== 'feff00e0') throw new Error(`no item at ${next - 8}: ${tag}`);
    items.push(data.subarray(next, next + length));
    next += length;
  }
  const [table, ...fragments] = items;
  const offsets = Array.from({ length: table!.length / 4 }, (_, index) => table!.readUInt32LE(index * 4));
  return { offsets, fragments, end: next };
}

function* unevenChunks(bytes: Buffer): Generator<Buffer> {
  for (let at = 0, size = 1; at < bytes.length; size = ((size * 31) % 4999) + 1) {
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
