// What comes with an event of the state table, and how it turns into the end of an association.
import type { AbortPdu, AssociateAcceptPdu, AssociateRejectPdu, AssociateRequestPdu } from './associate-pdu.ts';
import type { AssociationEnd } from './association.ts';
import type { AbortReason } from './pdu-fields.ts';

export type TransitionInput =
  | { readonly request: AssociateRequestPdu }
  | { readonly accept: AssociateAcceptPdu }
  | { readonly reject: AssociateRejectPdu }
  | { readonly abort: AbortPdu }
  | { readonly bytes: Buffer }
  | { readonly end: AssociationEnd; readonly reason: AbortReason };

/** PS3.8 table 9-26. */
const UNEXPECTED_PDU: AbortReason = 2;
/** By the PDU that came where the state table has no place for it. */
export const UNEXPECTED = {
  associateRq: unexpected('A-ASSOCIATE-RQ'),
  associateAc: unexpected('A-ASSOCIATE-AC'),
  associateRj: unexpected('A-ASSOCIATE-RJ'),
  pDataTf: unexpected('P-DATA-TF'),
  releaseRq: unexpected('A-RELEASE-RQ'),
  releaseRp: unexpected('A-RELEASE-RP'),
};

export function isVersionSupported(request: AssociateRequestPdu): boolean {
  return (request.protocolVersion & 1) === 1;
}

function unexpected(pdu: string): TransitionInput {
  return { end: { kind: 'aborted-by-us', detail: `unexpected ${pdu} PDU` }, reason: UNEXPECTED_PDU };
}

export function endOf(input: TransitionInput | undefined, otherwise: string): AssociationEnd {
  if (input !== undefined && 'end' in input) return input.end;
  if (input === undefined || !('abort' in input)) return { kind: 'aborted-by-us', detail: otherwise };
  return { kind: 'aborted-by-peer', detail: `A-ABORT, source ${input.abort.source}, reason ${input.abort.reason}` };
}

/** Why the provider aborts (PS3.8 table 9-26). */
export function reasonOf(input: TransitionInput | undefined): AbortReason {
  return input !== undefined && 'end' in input ? input.reason : 0;
}
