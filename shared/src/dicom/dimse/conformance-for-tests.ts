// For tests: A-ASSOCIATE-RQs with user information that no toolkit sends, and what the A-ASSOCIATE-AC says to it.
import { readItems } from '../upper-layer/associate-items.ts';
import { ITEM_TYPE, PDU_TYPE } from '../upper-layer/pdu-fields.ts';
import { associateRq, connectRaw, type RawPeer } from './raw-peer-for-tests.ts';

/** Where the items of an A-ASSOCIATE PDU begin, its header included. */
const ITEMS = 74;

export function item(type: number, value: Buffer): Buffer {
  const header = Buffer.from([type, 0, 0, 0]);
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

/** A text or bytes behind a length of two bytes. */
export function counted(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

export const windowItem = (invoked: number, performed: number): Buffer =>
  item(0x53, Buffer.from([invoked >> 8, invoked & 0xff, performed >> 8, performed & 0xff]));
export const roleItem = (uid: string, scu: number, scp: number): Buffer =>
  item(0x54, Buffer.concat([counted(uid), Buffer.from([scu, scp])]));
export const extendedItem = (uid: string, information: Buffer): Buffer => item(0x56, Buffer.concat([counted(uid), information]));
export const commonExtendedItem = (uid: string, serviceClass: string, related: string[]): Buffer =>
  item(0x57, Buffer.concat([counted(uid), counted(serviceClass), counted(Buffer.concat(related.map(counted)))]));
export const identityItem = (identity: { type: number; asks: boolean; primary: string; secondary?: string }): Buffer =>
  item(
    0x58,
    Buffer.concat([Buffer.from([identity.type, identity.asks ? 1 : 0]), counted(identity.primary), counted(identity.secondary ?? '')]),
  );

/** The request with more sub-items at the end of its user information, which is its last item. */
export function withUserInformation(request: Buffer, ...subItems: Buffer[]): Buffer {
  const items = readItems(request.subarray(ITEMS));
  const userInformation = items.at(-1);
  if (userInformation?.type !== ITEM_TYPE.userInformation) throw new Error('user information is not the last item');
  const before = request.subarray(0, request.length - userInformation.value.length - 4);
  return withLength(Buffer.concat([before, item(ITEM_TYPE.userInformation, Buffer.concat([userInformation.value, ...subItems]))]));
}

/** The PDU with the length that it has. */
export function withLength(pdu: Buffer): Buffer {
  pdu.writeUInt32BE(pdu.length - 6, 2);
  return pdu;
}

/** Sub-items of the user information that came back, by type. */
export async function acceptedUserInformation(
  port: number,
  ...subItems: Buffer[]
): Promise<{ peer: RawPeer; answers: Map<number, Buffer[]> }> {
  const peer = await connectRaw(port);
  peer.send(withUserInformation(associateRq(), ...subItems));
  const answer = await peer.next();
  if (answer === 'closed' || answer.type !== PDU_TYPE.associateAc) throw new Error('not accepted');
  const userInformation = readItems(answer.body.subarray(ITEMS - 6)).find(({ type }) => type === ITEM_TYPE.userInformation);
  const answers = new Map<number, Buffer[]>();
  for (const { type, value } of readItems(userInformation!.value)) answers.set(type, [...(answers.get(type) ?? []), Buffer.from(value)]);
  return { peer, answers };
}
