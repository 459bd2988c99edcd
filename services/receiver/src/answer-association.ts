// The answer to an A-ASSOCIATE-RQ: who may call, by which name, and which contexts are accepted (PS3.8 section 9.3.3 and 9.3.4).
import { acceptsCalledAe, acceptsCaller } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { AssociationAnswer } from '@causeway/shared/dicom/dimse/scp';
import { isUid } from '@causeway/shared/dicom/uid';
import type { AssociationRequest, ContextAnswer, ProposedContext, RejectAnswer } from '@causeway/shared/dicom/upper-layer/association';
import { chooseTransferSyntax } from './choose-transfer-syntax.ts';
import { isTaken } from './storage-service.ts';

const PERMANENT = 1;
const SERVICE_USER = 1;
const CALLING_AE_NOT_RECOGNIZED = 3;
const CALLED_AE_NOT_RECOGNIZED = 7;
const TRANSIENT = 2;
const PRESENTATION_PROVIDER = 3;
const TEMPORARY_CONGESTION = 1;

const ABSTRACT_SYNTAX_NOT_SUPPORTED = 3;
const TRANSFER_SYNTAXES_NOT_SUPPORTED = 4;

/** `overload`: why nothing more is taken now, if so. */
export function answerAssociation(document: GatewayDocument, request: AssociationRequest, overload?: string): AssociationAnswer {
  const facts = {
    callingAe: request.callingAe,
    calledAe: request.calledAe,
    source: request.peer.address,
    listener: request.peer.listener,
    tlsSubject: request.peer.tls?.subject,
  };
  if (!acceptsCalledAe(document, request.calledAe))
    return rejectPermanently(CALLED_AE_NOT_RECOGNIZED, 'called AE title is not one of ours');
  if (!acceptsCaller(document, facts)) return rejectPermanently(CALLING_AE_NOT_RECOGNIZED, 'caller is not on the list gateway.callers');
  if (overload) return { result: TRANSIENT, source: PRESENTATION_PROVIDER, reason: TEMPORARY_CONGESTION, because: overload };
  return { contexts: request.contexts.map((context) => answerContext(document, context)) };
}

function rejectPermanently(reason: number, because: string): RejectAnswer {
  return { result: PERMANENT, source: SERVICE_USER, reason, because };
}

function answerContext(document: GatewayDocument, { id, abstractSyntaxUid, transferSyntaxUids }: ProposedContext): ContextAnswer {
  const refused = transferSyntaxUids[0] ?? '';
  if (!isUid(abstractSyntaxUid) || !isTaken(abstractSyntaxUid))
    return { id, result: ABSTRACT_SYNTAX_NOT_SUPPORTED, transferSyntaxUid: refused };
  const chosen = chooseTransferSyntax(document.negotiation, abstractSyntaxUid, transferSyntaxUids.filter(isUid));
  if (!chosen) return { id, result: TRANSFER_SYNTAXES_NOT_SUPPORTED, transferSyntaxUid: refused };
  return { id, result: 0, transferSyntaxUid: chosen };
}
