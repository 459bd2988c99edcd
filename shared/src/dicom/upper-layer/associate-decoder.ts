// Decodes A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 sections 9.3.2 and 9.3.3, PS3.7 Annex D.3.3).
import type { AssociateAcceptPdu, AssociateRequestPdu, UserIdentityRequest, UserInformation } from './associate-pdu.ts';
import type { ContextAnswer, ContextResult, ProposedContext, RoleSelection } from './association.ts';
import { ITEM_TYPE } from './pdu-fields.ts';
import { PduError } from './pdu-reader.ts';

/** Positions in the body, which begins after the 6-byte PDU header: version 0-1, reserved 2-3, called AE 4-19, calling AE 20-35, reserved 36-67, items from 68. */
const CALLED_AE = 4;
const CALLING_AE = 20;
const RESERVED = 36;
const ITEMS = 68;
const MAX_CONTEXTS = 128;

interface Item {
  readonly type: number;
  readonly value: Buffer;
}

/** Throws PduError. Items of unknown type are skipped (PS3.8 section 9.3.1). */
export function decodeAssociateRequest(body: Buffer): AssociateRequestPdu {
  requireFixedPart(body);
  const items = readItems(body.subarray(ITEMS));
  const contexts = items.filter((item) => item.type === ITEM_TYPE.presentationContextRq).map(decodeProposedContext);
  requireUniqueIds(contexts);
  const applicationContext = items.find((item) => item.type === ITEM_TYPE.applicationContext);
  return {
    protocolVersion: body.readUInt16BE(0),
    calledAe: trimmedText(body.subarray(CALLED_AE, CALLING_AE)),
    callingAe: trimmedText(body.subarray(CALLING_AE, RESERVED)),
    applicationContextName: applicationContext === undefined ? '' : trimmedText(applicationContext.value),
    contexts,
    addressing: Buffer.from(body.subarray(CALLED_AE, ITEMS)),
    ...decodeUserInformation(items),
  };
}

/** Throws PduError. */
export function decodeAssociateAccept(body: Buffer): AssociateAcceptPdu {
  requireFixedPart(body);
  const items = readItems(body.subarray(ITEMS));
  const contexts = items.filter((item) => item.type === ITEM_TYPE.presentationContextAc).map(decodeContextAnswer);
  requireUniqueIds(contexts);
  return { protocolVersion: body.readUInt16BE(0), contexts, ...decodeUserInformation(items) };
}

function requireFixedPart(body: Buffer): void {
  if (body.length < ITEMS) throw new PduError(6, `A-ASSOCIATE PDU of ${body.length} bytes, at least ${ITEMS} are needed`);
}

/** Byte 1 type, 2 reserved, 3-4 length of the value. */
function readItems(bytes: Buffer): Item[] {
  const items: Item[] = [];
  let position = 0;
  while (position < bytes.length) {
    const end = position + 4 <= bytes.length ? position + 4 + bytes.readUInt16BE(position + 2) : Number.POSITIVE_INFINITY;
    if (end > bytes.length) throw new PduError(6, `item at byte ${position} ends beyond its PDU or item of ${bytes.length} bytes`);
    items.push({ type: bytes[position] as number, value: bytes.subarray(position + 4, end) });
    position = end;
  }
  return items;
}

/** Byte 1 presentation context id, 2-4 reserved, then abstract and transfer syntax sub-items (PS3.8 table 9-13). */
function decodeProposedContext(item: Item): ProposedContext {
  requireLength(item, 4);
  const syntaxes = readItems(item.value.subarray(4));
  const abstractSyntax = syntaxes.find((syntax) => syntax.type === ITEM_TYPE.abstractSyntax);
  return {
    id: item.value[0] as number,
    abstractSyntaxUid: abstractSyntax === undefined ? '' : trimmedText(abstractSyntax.value),
    transferSyntaxUids: syntaxes.filter((syntax) => syntax.type === ITEM_TYPE.transferSyntax).map((syntax) => trimmedText(syntax.value)),
  };
}

/** Byte 1 presentation context id, 2 reserved, 3 result, 4 reserved, then one transfer syntax sub-item (PS3.8 table 9-18). */
function decodeContextAnswer(item: Item): ContextAnswer {
  requireLength(item, 4);
  const result = item.value[2] as number;
  if (result > 4) throw new PduError(6, `presentation context result ${result} (PS3.8 table 9-18)`);
  const transferSyntax = readItems(item.value.subarray(4)).find((syntax) => syntax.type === ITEM_TYPE.transferSyntax);
  return {
    id: item.value[0] as number,
    result: result as ContextResult,
    transferSyntaxUid: transferSyntax === undefined ? '' : trimmedText(transferSyntax.value),
  };
}

/** Odd ids from 1 to 255, each once, so at most 128 (PS3.8 section 9.3.2.2). */
function requireUniqueIds(contexts: readonly { id: number }[]): void {
  const ids = new Set<number>();
  for (const { id } of contexts) {
    if (id % 2 === 0) throw new PduError(6, `presentation context id ${id} is even`);
    if (ids.has(id)) throw new PduError(6, `presentation context id ${id} comes twice`);
    ids.add(id);
  }
  if (contexts.length > MAX_CONTEXTS) throw new PduError(6, `${contexts.length} presentation contexts`);
}

function decodeUserInformation(items: Item[]): UserInformation {
  const userInformation = items.find((item) => item.type === ITEM_TYPE.userInformation);
  const parts = userInformation === undefined ? [] : readItems(userInformation.value);
  const find = (type: number) => parts.find((part) => part.type === type);
  const maximumLength = find(ITEM_TYPE.maximumLength);
  const classUid = find(ITEM_TYPE.implementationClassUid);
  const versionName = find(ITEM_TYPE.implementationVersionName);
  const identity = find(ITEM_TYPE.userIdentityRq);
  return {
    maxPduBytes: maximumLength === undefined ? 0 : decodeMaximumLength(maximumLength),
    implementationClassUid: classUid === undefined ? '' : trimmedText(classUid.value),
    ...(versionName === undefined ? {} : { implementationVersionName: trimmedText(versionName.value) }),
    roles: parts.filter((part) => part.type === ITEM_TYPE.roleSelection).map(decodeRoleSelection),
    ...(identity === undefined ? {} : { userIdentity: decodeUserIdentity(identity) }),
  };
}

function decodeMaximumLength(item: Item): number {
  requireLength(item, 4);
  return item.value.readUInt32BE(0);
}

/** Bytes 1-2 length of the UID, the UID, one byte SCU role, one byte SCP role (PS3.7 table D.3-9). */
function decodeRoleSelection(item: Item): RoleSelection {
  requireLength(item, 4);
  const uidEnd = 2 + item.value.readUInt16BE(0);
  requireLength(item, uidEnd + 2);
  return { sopClassUid: trimmedText(item.value.subarray(2, uidEnd)), scu: item.value[uidEnd] === 1, scp: item.value[uidEnd + 1] === 1 };
}

/** Byte 1 type, 2 positive response requested (PS3.7 table D.3-14); the fields that follow are secrets and stay unread. */
function decodeUserIdentity(item: Item): UserIdentityRequest {
  requireLength(item, 2);
  return { type: item.value[0] as number, positiveResponseRequested: item.value[1] === 1 };
}

function requireLength(item: Item, length: number): void {
  if (item.value.length >= length) return;
  throw new PduError(6, `item 0x${item.type.toString(16)} of ${item.value.length} bytes, at least ${length} are needed`);
}

/** AE titles are padded with spaces; UIDs should have no padding here (PS3.8 Annex F), but some senders keep NUL or space. */
function trimmedText(bytes: Buffer): string {
  let start = 0;
  let end = bytes.length;
  while (end > start && isPadding(bytes[end - 1])) end--;
  while (start < end && isPadding(bytes[start])) start++;
  return bytes.toString('latin1', start, end);
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0 || byte === 0x20;
}
