// Encodes the PDUs we send (PS3.8 section 9.3). Every function returns whole PDUs with their 6-byte headers.
import type { AsynchronousWindow, ContextAnswer, ExtendedNegotiation, ProposedContext, RoleSelection } from './association.ts';
import { APPLICATION_CONTEXT_NAME, ITEM_TYPE, PDU_TYPE } from './pdu-fields.ts';

/** PDU header and PDV item header. */
export const DATA_HEADER_BYTES = 12;
/** Part of the PDV item header that counts against the peer's maximum length: length 4, context id 1, control header 1. */
export const PDV_HEADER_BYTES = 6;

const PROTOCOL_VERSION = 1;
const AE_TITLE_BYTES = 16;
const RESERVED_BYTES = 32;

export interface OwnUserInformation {
  /** Our own limit on what we receive, never the smaller of both: the directions are separate (PS3.8 D.1). */
  readonly maxPduBytes: number;
  readonly implementation: { readonly classUid: string; readonly versionName: string };
  readonly roles?: readonly RoleSelection[];
  readonly asynchronousWindow?: AsynchronousWindow;
  readonly extendedNegotiations?: readonly ExtendedNegotiation[];
}

export interface AssociateRequestFields extends OwnUserInformation {
  readonly calledAe: string;
  readonly callingAe: string;
  readonly contexts: readonly ProposedContext[];
}

export interface AssociateAcceptFields extends OwnUserInformation {
  /** Bytes 11 to 74 of the A-ASSOCIATE-RQ. */
  readonly addressing: Buffer;
  readonly contexts: readonly ContextAnswer[];
  /** The positive response to a user identity, with what it returns (PS3.7 table D.3-15). */
  readonly userIdentityResponse?: Buffer;
}

export function encodeAssociateRequest(fields: AssociateRequestFields): Buffer {
  const addressing = Buffer.concat([aeTitle(fields.calledAe), aeTitle(fields.callingAe), Buffer.alloc(RESERVED_BYTES)]);
  const contexts = fields.contexts.map((context) => {
    const syntaxes = context.transferSyntaxUids.map((uid) => textItem(ITEM_TYPE.transferSyntax, uid));
    const value = Buffer.concat([
      Buffer.from([context.id, 0, 0, 0]),
      textItem(ITEM_TYPE.abstractSyntax, context.abstractSyntaxUid),
      ...syntaxes,
    ]);
    return item(ITEM_TYPE.presentationContextRq, value);
  });
  return associatePdu(PDU_TYPE.associateRq, [addressing, applicationContext(), ...contexts, userInformation(fields, [])]);
}

/** What is not given is left out: then operations are synchronous (PS3.7 D.3.3.3), the default roles hold (D.3.3.4), and a user identity has no answer (D.3.3.7). */
export function encodeAssociateAccept(fields: AssociateAcceptFields): Buffer {
  const contexts = fields.contexts.map((context) => {
    const value = Buffer.concat([
      Buffer.from([context.id, 0, context.result, 0]),
      textItem(ITEM_TYPE.transferSyntax, context.transferSyntaxUid),
    ]);
    return item(ITEM_TYPE.presentationContextAc, value);
  });
  const identity =
    fields.userIdentityResponse === undefined ? [] : [item(ITEM_TYPE.userIdentityAc, withLength(fields.userIdentityResponse))];
  return associatePdu(PDU_TYPE.associateAc, [fields.addressing, applicationContext(), ...contexts, userInformation(fields, identity)]);
}

/** PS3.8 table 9-21. */
export function encodeAssociateReject(answer: { result: number; source: number; reason: number }): Buffer {
  return shortPdu(PDU_TYPE.associateRj, [0, answer.result, answer.source, answer.reason]);
}

export function encodeReleaseRequest(): Buffer {
  return shortPdu(PDU_TYPE.releaseRq, [0, 0, 0, 0]);
}

export function encodeReleaseResponse(): Buffer {
  return shortPdu(PDU_TYPE.releaseRp, [0, 0, 0, 0]);
}

/** PS3.8 table 9-26; `reason` has a meaning for source 2 only. */
export function encodeAbort(source: 0 | 2, reason: number): Buffer {
  return shortPdu(PDU_TYPE.abort, [0, 0, source, source === 0 ? 0 : reason]);
}

export interface PdvFields {
  readonly contextId: number;
  readonly isCommand: boolean;
  readonly isLast: boolean;
}

/** The 12 bytes before a fragment that is alone in its P-DATA-TF. */
export function encodeDataHeader(pdv: PdvFields, fragmentBytes: number): Buffer {
  const header = Buffer.allocUnsafe(DATA_HEADER_BYTES);
  header[0] = PDU_TYPE.pDataTf;
  header[1] = 0;
  header.writeUInt32BE(fragmentBytes + PDV_HEADER_BYTES, 2);
  header.writeUInt32BE(fragmentBytes + 2, 6);
  header[10] = pdv.contextId;
  header[11] = (pdv.isCommand ? 1 : 0) | (pdv.isLast ? 2 : 0);
  return header;
}

/** A whole command as P-DATA-TFs of one PDV each; `maxFragmentBytes` is what the peer's limit leaves for a fragment. */
export function encodeCommand(contextId: number, command: Buffer, maxFragmentBytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let start = 0; start < command.length; start += maxFragmentBytes) {
    const fragment = command.subarray(start, start + maxFragmentBytes);
    const isLast = start + maxFragmentBytes >= command.length;
    parts.push(encodeDataHeader({ contextId, isCommand: true, isLast }, fragment.length), fragment);
  }
  return Buffer.concat(parts);
}

function associatePdu(type: number, parts: Buffer[]): Buffer {
  const body = Buffer.concat([Buffer.from([0, PROTOCOL_VERSION, 0, 0]), ...parts]);
  const header = Buffer.alloc(6);
  header[0] = type;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

function shortPdu(type: number, body: [number, number, number, number]): Buffer {
  return Buffer.from([type, 0, 0, 0, 0, body.length, ...body]);
}

function applicationContext(): Buffer {
  return textItem(ITEM_TYPE.applicationContext, APPLICATION_CONTEXT_NAME);
}

/** Sub-items in ascending order of their types but for `more`, which is last. */
function userInformation(fields: OwnUserInformation, more: Buffer[]): Buffer {
  const { maxPduBytes, implementation, asynchronousWindow, roles = [], extendedNegotiations = [] } = fields;
  const parts = [
    item(ITEM_TYPE.maximumLength, uint32(maxPduBytes)),
    textItem(ITEM_TYPE.implementationClassUid, implementation.classUid),
    ...(asynchronousWindow === undefined ? [] : [item(ITEM_TYPE.asynchronousOperationsWindow, windowBytes(asynchronousWindow))]),
    ...roles.map((role) => item(ITEM_TYPE.roleSelection, roleBytes(role))),
    textItem(ITEM_TYPE.implementationVersionName, implementation.versionName),
    ...extendedNegotiations.map(({ sopClassUid, information }) =>
      item(ITEM_TYPE.sopClassExtendedNegotiation, Buffer.concat([withLength(Buffer.from(sopClassUid, 'latin1')), information])),
    ),
    ...more,
  ];
  return item(ITEM_TYPE.userInformation, Buffer.concat(parts));
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function windowBytes({ invoked, performed }: AsynchronousWindow): Buffer {
  return uint32(invoked * 0x10000 + performed);
}

function roleBytes({ sopClassUid, scu, scp }: RoleSelection): Buffer {
  return Buffer.concat([withLength(Buffer.from(sopClassUid, 'latin1')), Buffer.from([scu ? 1 : 0, scp ? 1 : 0])]);
}

/** Behind its 2-byte length. */
function withLength(bytes: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function textItem(type: number, text: string): Buffer {
  return item(type, Buffer.from(text, 'latin1'));
}

function item(type: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header[0] = type;
  header.writeUInt16BE(value.length, 2);
  return Buffer.concat([header, value]);
}

/** Truncated to 16 bytes: a longer title is not a title (PS3.5 table 6.2-1). */
function aeTitle(title: string): Buffer {
  return Buffer.from(title.slice(0, AE_TITLE_BYTES).padEnd(AE_TITLE_BYTES), 'latin1');
}
