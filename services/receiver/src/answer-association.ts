// The answer to an A-ASSOCIATE-RQ: who may call, by which name, and what is agreed on (PS3.8 sections 9.3.3 and 9.3.4).
import { acceptsCalledAe, acceptsCaller } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { AssociationAnswer } from '@causeway/shared/dicom/dimse/scp';
import type { AssociationRequest, RejectAnswer } from '@causeway/shared/dicom/upper-layer/association';
import type { Refusal } from './admission.ts';
import { answerContext } from './answer-context.ts';
import { isArchiveReport, mayReport } from './archive-reports.ts';
import { quirksOf } from './sender-quirks.ts';
import { answerExtendedNegotiations, answerRoles } from './storage-agreement.ts';

const PERMANENT = 1;
const SERVICE_USER = 1;
const CALLING_AE_NOT_RECOGNIZED = 3;
const CALLED_AE_NOT_RECOGNIZED = 7;
const TRANSIENT = 2;
const PRESENTATION_PROVIDER = 3;
const TEMPORARY_CONGESTION = 1;

/** PS3.7 table D.3-14: a user name alone, with nothing that would have to be checked. */
const USER_NAME_ALONE = 1;

const CONGESTED = { result: TRANSIENT, source: PRESENTATION_PROVIDER, reason: TEMPORARY_CONGESTION } as const;

/** `overload`: why nothing more is taken now, if so. */
export function answerAssociation(document: GatewayDocument, request: AssociationRequest, overload?: Refusal): AssociationAnswer {
  const refusal = isArchiveReport(document, request) ? undefined : refuse(document, request, overload);
  if (refusal) return refusal;
  const quirks = quirksOf(document, request.callingAe);
  const sender = { ...request, mayReport: mayReport(document, request.callingAe) };
  const contexts = request.contexts.map((context) => answerContext(document.negotiation, sender, context));
  return {
    contexts,
    roles: answerRoles(sender),
    extendedNegotiations: answerExtendedNegotiations(document, request, contexts),
    userIdentityResponse: request.userIdentity?.type === USER_NAME_ALONE ? Buffer.alloc(0) : undefined,
    maxPduBytes: quirks?.maxPduBytes,
    idleMs: quirks?.idle,
  };
}

function refuse(document: GatewayDocument, request: AssociationRequest, overload: Refusal | undefined): RejectAnswer | undefined {
  const stranger = refuseStranger(document, request);
  if (stranger !== undefined || overload === undefined) return stranger;
  return { ...CONGESTED, because: overload.comment, limit: overload.limit };
}

function refuseStranger(document: GatewayDocument, request: AssociationRequest): RejectAnswer | undefined {
  const { callingAe, calledAe, peer, userIdentity } = request;
  if (!acceptsCalledAe(document, calledAe))
    return rejectPermanently(CALLED_AE_NOT_RECOGNIZED, 'called AE title is not one of ours (gateway.calledAeTitles)', 'calledAeTitles');
  const caller = { callingAe, source: peer.address, tlsSubject: peer.tls?.subject, user: userIdentity?.username };
  if (!acceptsCaller(document, caller))
    return rejectPermanently(CALLING_AE_NOT_RECOGNIZED, 'caller is not on the list gateway.callers', 'callers');
  return undefined;
}

function rejectPermanently(reason: number, because: string, limit: string): RejectAnswer {
  return { result: PERMANENT, source: SERVICE_USER, reason, because, limit };
}
