// Decodes A-ASSOCIATE-RQ and A-ASSOCIATE-AC (PS3.8 sections 9.3.2 and 9.3.3, PS3.7 Annex D.3.3).
import { type Item, readItems, requireLength, trimmedText } from './associate-items.ts';
import type { AssociateAcceptPdu, AssociateRequestPdu } from './associate-pdu.ts';
import type { ContextAnswer, ContextResult, ProposedContext } from './association.ts';
import { ITEM_TYPE } from './pdu-fields.ts';
import { PduError } from './pdu-reader.ts';
import { decodeUserInformation } from './user-information-decoder.ts';

/** Positions in the body, which begins after the 6-byte PDU header: version 0-1, reserved 2-3, called AE 4-19, calling AE 20-35, reserved 36-67, items from 68. */
const CALLED_AE = 4;
const CALLING_AE = 20;
const RESERVED = 36;
const ITEMS = 68;
const MAX_CONTEXTS = 128;
/** 64 for each context: PS3.6 has no more. A million bytes of tiny ones would take many times that in memory, for as long as the association lasts. */
const MAX_SYNTAXES = MAX_CONTEXTS * 64;

/** Throws PduError. Items of unknown type are skipped (PS3.8 section 9.3.1). */
export function decodeAssociateRequest(body: Buffer): AssociateRequestPdu {
  requireFixedPart(body);
  const items = readItems(body.subarray(ITEMS));
  const contexts = items.filter((item) => item.type === ITEM_TYPE.presentationContextRq).map(decodeProposedContext);
  requireUniqueIds(contexts);
  requireFewSyntaxes(contexts);
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

function requireFewSyntaxes(contexts: readonly ProposedContext[]): void {
  const count = contexts.reduce((sum, { transferSyntaxUids }) => sum + transferSyntaxUids.length, 0);
  if (count > MAX_SYNTAXES) throw new PduError(6, `${count} transfer syntaxes, our limit is ${MAX_SYNTAXES}`);
}
