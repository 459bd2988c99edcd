// What the upper layer tells its user: the indications and confirmations of PS3.8 section 7, as calls.
import type { AssociateAcceptPdu, AssociateRejectPdu, AssociateRequestPdu } from './associate-pdu.ts';
import type { AssociationEnd } from './association.ts';
import type { PduError, PdvHeader } from './pdu-reader.ts';

/** The service user: indications and confirmations. None of these may throw. */
export interface UpperLayerUser {
  associateRequested?(request: AssociateRequestPdu): void;
  associateAccepted?(accept: AssociateAcceptPdu): void;
  associateRejected?(reject: AssociateRejectPdu): void;
  /** P-DATA indication, slice by slice; see PduListener.fragment. */
  fragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void;
  /** The peer asks for release, in a collision too; answer with `respondRelease`. */
  releaseRequested(): void;
  /** The socket takes more after `sendData` returned false. */
  drained(): void;
  /** The peer broke the protocol; `ended` follows. */
  malformed(error: PduError): void;
  /** The association, or the attempt at one, is over: exactly once, whatever happens. */
  ended(end: AssociationEnd): void;
  /** The socket is gone: exactly once, after `ended`. */
  closed(): void;
}
