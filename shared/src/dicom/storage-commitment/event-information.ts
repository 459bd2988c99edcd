// Writes the event information of a storage commitment result (PS3.4 table J.3-2), and the action information of a request.
import { IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import { EVENT_TYPE, type FailedReference, type SopReference, TAG } from './push-model.ts';

export interface CommitmentResult {
  readonly transactionUid: string;
  readonly committed: readonly SopReference[];
  readonly failed: readonly FailedReference[];
}

export const eventTypeOf = ({ failed }: Pick<CommitmentResult, 'failed'>): number =>
  failed.length === 0 ? EVENT_TYPE.allCommitted : EVENT_TYPE.failuresExist;

/**
 * In implicit or explicit VR little endian, elements in ascending order, defined lengths. No Retrieve AE Title: instances cannot be retrieved here (PS3.4 section
 * J.3.3.1.1.1 makes it optional). A sequence that would be empty is left out.
 */
export function encodeEventInformation(result: CommitmentResult, transferSyntaxUid: string): Buffer {
  const explicit = transferSyntaxUid !== IMPLICIT_VR_LITTLE_ENDIAN;
  const sequence = (tag: number, references: readonly (SopReference & Partial<FailedReference>)[]): Buffer[] =>
    references.length === 0 ? [] : [element({ tag, vr: 'SQ', explicit }, Buffer.concat(references.map((one) => item(one, explicit))))];
  return Buffer.concat([
    element({ tag: TAG.transactionUid, vr: 'UI', explicit }, uidValue(result.transactionUid)),
    ...sequence(TAG.failedSopSequence, result.failed),
    ...sequence(TAG.referencedSopSequence, result.committed),
  ]);
}

/** The action information of a request (PS3.4 table J.3-1): the same elements, without anything failed. */
export const encodeActionInformation = (transactionUid: string, references: readonly SopReference[], transferSyntaxUid: string): Buffer =>
  encodeEventInformation({ transactionUid, committed: references, failed: [] }, transferSyntaxUid);

function item(reference: SopReference & Partial<FailedReference>, explicit: boolean): Buffer {
  const parts = [
    element({ tag: TAG.referencedSopClassUid, vr: 'UI', explicit }, uidValue(reference.sopClassUid)),
    element({ tag: TAG.referencedSopInstanceUid, vr: 'UI', explicit }, uidValue(reference.sopInstanceUid)),
  ];
  if (reference.reason !== undefined) parts.push(element({ tag: TAG.failureReason, vr: 'US', explicit }, uint16(reference.reason)));
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  header.writeUInt32LE(length, 4);
  return Buffer.concat([header, ...parts]);
}

/** PS3.5 sections 7.1.2 and 7.1.3: SQ has the long form, UI and US the short one. */
function element({ tag, vr, explicit }: { tag: number; vr: 'SQ' | 'UI' | 'US'; explicit: boolean }, value: Buffer): Buffer {
  const header = Buffer.alloc(explicit && vr === 'SQ' ? 12 : 8);
  header.writeUInt16LE(tag >>> 16, 0);
  header.writeUInt16LE(tag & 0xffff, 2);
  if (explicit) header.write(vr, 4, 'latin1');
  if (explicit && vr !== 'SQ') header.writeUInt16LE(value.length, 6);
  else header.writeUInt32LE(value.length, header.length - 4);
  return Buffer.concat([header, value]);
}

const uidValue = (uid: string): Buffer => Buffer.from(uid.length % 2 === 0 ? uid : `${uid}\0`, 'latin1');

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
