// A ready instance and its object, made up for tests.
import { createHash } from 'node:crypto';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { AssociationFacts, Instance, InstanceReady } from '@causeway/shared/events/instance';

const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';

export const association: AssociationFacts = { callingAe: 'CT1', calledAe: 'GATEWAY', source: '10.0.0.7', listener: 'lan' };

export function readyInstance(changes: Partial<Instance> = {}, more: Partial<InstanceReady> = {}): InstanceReady {
  const receiptId = changes.receiptId ?? newReceiptId();
  const instance: Instance = {
    objectKey: receivedKey(receiptId),
    size: 1,
    digest: createHash('sha256').digest('hex'),
    transferSyntaxUid: EXPLICIT_LITTLE,
    receiptId,
    receivedAt: new Date().toISOString(),
    sopClassUid: CT,
    sopInstanceUid: '1.2.3.4',
    studyInstanceUid: '1.2.3',
    lane: 'routine',
    association,
    attributes: {},
    ...changes,
  };
  const compression = { outcome: 'unchanged', reason: 'no rule', revision: 1 } as const;
  return { ...newEnvelope(), type: 'instance.ready', instance, compression, ...more };
}

/** A Part 10 object in explicit VR little endian with these text elements, in order of their tags. */
export function dicomObject(elements: [tag: number, vr: string, value: Buffer][]): Buffer {
  const meta = encodeFileMeta({ sopClassUid: CT, sopInstanceUid: '1.2.3.4', transferSyntaxUid: EXPLICIT_LITTLE });
  return Buffer.concat([meta, ...elements.map(shortElement)]);
}

/** PS3.5 section 7.1.2, the form with a 16-bit length. */
function shortElement([tag, vr, value]: [tag: number, vr: string, value: Buffer]): Buffer {
  const padded = value.length % 2 === 0 ? value : Buffer.concat([value, Buffer.from(' ')]);
  const head = Buffer.alloc(8);
  head.writeUInt16LE(tag >>> 16, 0);
  head.writeUInt16LE(tag & 0xffff, 2);
  head.write(vr, 4, 'latin1');
  head.writeUInt16LE(padded.length, 6);
  return Buffer.concat([head, padded]);
}
