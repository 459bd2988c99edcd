// The negotiation record of an association, of a rejected request, or of a connection that never became one. Nothing in it is longer than its schema allows.
import { randomUUID } from 'node:crypto';
import type { AcceptedAssociation, AssociationSummary, ScpEvent } from '@causeway/shared/dicom/dimse/scp';
import { isUid } from '@causeway/shared/dicom/uid';
import type {
  AssociationEnd,
  AssociationRequest,
  ContextAnswer,
  ProposedContext,
  RejectAnswer,
} from '@causeway/shared/dicom/upper-layer/association';
import { type AssociationRecord, MOST_SYNTAXES } from '@causeway/shared/events/association-record';
import { MOST_SUBJECT_CHARACTERS } from '@causeway/shared/events/instance';

const MOST_DETAIL_CHARACTERS = 300;
/** Of all contexts together: DCMTK proposes five for each of 128. Some thousand records may wait in memory, and all of them be the largest. */
const MOST_SYNTAXES_IN_ALL = 128 * 5;
const NOTHING_DONE = { count: 1, instances: 0, dataSetBytes: 0, responses: {} };

export function describeEnded(association: AcceptedAssociation, end: AssociationEnd, summary: AssociationSummary): AssociationRecord {
  const { id, request, contexts } = association;
  const { startedAt, instances, dataSetBytes, responses, maxPduBytes } = summary;
  return {
    id,
    outcome: end.kind,
    detail: cut(end.detail),
    count: 1,
    startedAt: startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    ...describeRequest(request, contexts),
    maxPduBytes: { peer: request.maxPduBytes, ours: maxPduBytes },
    instances,
    dataSetBytes,
    responses: Object.fromEntries(responses),
  };
}

export function describeRejected(request: AssociationRequest, { result, source, reason, because }: RejectAnswer): AssociationRecord {
  return {
    ...momentary(),
    outcome: 'rejected',
    detail: cut(because),
    reject: { result, source, reason },
    ...describeRequest(request, []),
    maxPduBytes: { peer: request.maxPduBytes },
  };
}

/** A connection that did something else than to ask for an association. */
export function describeConnection({ kind, source, listener, balancer, detail }: ScpEvent): AssociationRecord {
  return { ...momentary(), outcome: 'no-association', event: kind, detail: cut(detail), source, listener, balancer, contexts: [] };
}

function momentary() {
  const now = new Date().toISOString();
  return { id: randomUUID(), startedAt: now, endedAt: now, ...NOTHING_DONE };
}

function describeRequest(request: AssociationRequest, answers: readonly ContextAnswer[]) {
  const { callingAe, calledAe, peer, implementationClassUid, implementationVersionName } = request;
  return {
    source: peer.address,
    listener: peer.listener,
    balancer: peer.balancer,
    callingAe,
    calledAe,
    tls: peer.tls && { protocol: peer.tls.protocol, subject: peer.tls.subject?.slice(0, MOST_SUBJECT_CHARACTERS) },
    implementation: { classUid: uidOrNote(implementationClassUid), versionName: implementationVersionName?.slice(0, 16) },
    contexts: describeContexts(request.contexts, answers),
  };
}

function describeContexts(contexts: readonly ProposedContext[], answers: readonly ContextAnswer[]) {
  const answerOf = new Map(answers.map((answer) => [answer.id, answer]));
  let left = MOST_SYNTAXES_IN_ALL;
  return contexts.map((context) => {
    const listed = Math.min(context.transferSyntaxUids.length, MOST_SYNTAXES, left);
    left -= listed;
    return describeContext(context, listed, answerOf.get(context.id));
  });
}

function describeContext(
  { id, abstractSyntaxUid, transferSyntaxUids }: ProposedContext,
  listed: number,
  answer: ContextAnswer | undefined,
) {
  const more = transferSyntaxUids.length - listed;
  return {
    id,
    abstractSyntaxUid: uidOrNote(abstractSyntaxUid),
    transferSyntaxUids: transferSyntaxUids.slice(0, listed).map(uidOrNote),
    ...(more > 0 ? { moreSyntaxes: more } : {}),
    ...(answer ? { result: answer.result } : {}),
    ...(answer?.result === 0 ? { chosen: answer.transferSyntaxUid } : {}),
  };
}

/** A peer may put anything where a UID belongs; it is not repeated. */
const uidOrNote = (text: string): string => (text === '' || isUid(text) ? text : '(no UID)');

const cut = (text: string): string => text.slice(0, MOST_DETAIL_CHARACTERS);
