// Decodes the user information item of A-ASSOCIATE-RQ and -AC (PS3.8 D.1, PS3.7 Annex D.3.3).
import { type Item, readItems, requireLength, trimmedText } from './associate-items.ts';
import type { UserInformation } from './associate-pdu.ts';
import type { AsynchronousWindow, CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserIdentity } from './association.ts';
import { ITEM_TYPE } from './pdu-fields.ts';

/** User identity types whose primary field is a user name (PS3.7 table D.3-14); that of the others is the secret itself. */
const NAMED_BY_USER = new Set([1, 2]);

/** From the items of a PDU. Throws PduError; sub-items of unknown type are ignored (PS3.8 section 9.3.1). */
export function decodeUserInformation(items: Item[]): UserInformation {
  const userInformation = items.find((item) => item.type === ITEM_TYPE.userInformation);
  const parts = userInformation === undefined ? [] : readItems(userInformation.value);
  const first = (type: number) => parts.find((part) => part.type === type);
  const all = (type: number) => parts.filter((part) => part.type === type);
  const classUid = first(ITEM_TYPE.implementationClassUid);
  return {
    maxPduBytes: decoded(first(ITEM_TYPE.maximumLength), decodeMaximumLength) ?? 0,
    implementationClassUid: classUid === undefined ? '' : trimmedText(classUid.value),
    implementationVersionName: decoded(first(ITEM_TYPE.implementationVersionName), ({ value }) => trimmedText(value)),
    roles: all(ITEM_TYPE.roleSelection).map(decodeRoleSelection),
    asynchronousWindow: decoded(first(ITEM_TYPE.asynchronousOperationsWindow), decodeWindow),
    extendedNegotiations: all(ITEM_TYPE.sopClassExtendedNegotiation).map(decodeExtendedNegotiation),
    commonExtendedNegotiations: all(ITEM_TYPE.sopClassCommonExtendedNegotiation).map(decodeCommonExtendedNegotiation),
    userIdentity: decoded(first(ITEM_TYPE.userIdentityRq), decodeUserIdentity),
    userIdentityResponse: decoded(first(ITEM_TYPE.userIdentityAc), decodeUserIdentityResponse),
  };
}

function decoded<T>(item: Item | undefined, decode: (item: Item) => T): T | undefined {
  return item === undefined ? undefined : decode(item);
}

function decodeMaximumLength(item: Item): number {
  requireLength(item, 4);
  return item.value.readUInt32BE(0);
}

/** Bytes 1-2 operations invoked, 3-4 performed (PS3.7 table D.3-7). */
function decodeWindow(item: Item): AsynchronousWindow {
  requireLength(item, 4);
  return { invoked: item.value.readUInt16BE(0), performed: item.value.readUInt16BE(2) };
}

/** Bytes 1-2 length of the UID, the UID, one byte SCU role, one byte SCP role (PS3.7 table D.3-9). */
function decodeRoleSelection(item: Item): RoleSelection {
  const [uid, end] = lengthAndBytes(item, 0);
  requireLength(item, end + 2);
  return { sopClassUid: trimmedText(uid), scu: item.value[end] === 1, scp: item.value[end + 1] === 1 };
}

/** Bytes 1-2 length of the UID, the UID, the rest belongs to the service class (PS3.7 table D.3-11). */
function decodeExtendedNegotiation(item: Item): ExtendedNegotiation {
  const [uid, end] = lengthAndBytes(item, 0);
  return { sopClassUid: trimmedText(uid), information: Buffer.from(item.value.subarray(end)) };
}

/** Two UIDs, each behind its length, and a list of further ones behind the length of the whole list (PS3.7 table D.3-12). */
function decodeCommonExtendedNegotiation(item: Item): CommonExtendedNegotiation {
  const [sopClass, afterSopClass] = lengthAndBytes(item, 0);
  const [serviceClass, afterServiceClass] = lengthAndBytes(item, afterSopClass);
  const related = afterServiceClass === item.value.length ? undefined : lengthAndBytes(item, afterServiceClass)[0];
  return {
    sopClassUid: trimmedText(sopClass),
    serviceClassUid: trimmedText(serviceClass),
    relatedGeneralSopClassUids: related === undefined ? [] : readUids({ type: item.type, value: related }),
  };
}

function readUids(item: Item): string[] {
  const uids: string[] = [];
  for (let position = 0; position < item.value.length; ) {
    const [uid, end] = lengthAndBytes(item, position);
    uids.push(trimmedText(uid));
    position = end;
  }
  return uids;
}

/** Byte 1 type, 2 positive response requested, then primary and secondary field, each behind its length (PS3.7 table D.3-14). Secrets stay unread. */
function decodeUserIdentity(item: Item): UserIdentity {
  const [primary] = lengthAndBytes(item, 2);
  const type = item.value[0] as number;
  const identity = { type, positiveResponseRequested: item.value[1] === 1 };
  return NAMED_BY_USER.has(type) ? { ...identity, username: primary.toString('utf8') } : identity;
}

/** Bytes 1-2 length, then the server's response (PS3.7 table D.3-15). */
function decodeUserIdentityResponse(item: Item): Buffer {
  return Buffer.from(lengthAndBytes(item, 0)[0]);
}

/** The bytes behind a 2-byte length at `position`, and where they end. */
function lengthAndBytes(item: Item, position: number): [bytes: Buffer, end: number] {
  requireLength(item, position + 2);
  const end = position + 2 + item.value.readUInt16BE(position);
  requireLength(item, end);
  return [item.value.subarray(position + 2, end), end];
}
