// The requestor's side of DIMSE: associate, C-ECHO and C-STORE as service class user (PS3.7 section 9), N-ACTION as user and N-EVENT-REPORT as provider (section 10).
import type { ConnectionOptions } from 'node:tls';
import type { ProposedContext, RoleSelection } from '../upper-layer/association.ts';
import type { EventReported } from './event-request.ts';
import { openAssociation } from './open-association.ts';
import type { DimseStatus } from './scp.ts';

export { AssociationLost, AssociationRejected } from './association-errors.ts';
export type { EventReported, NEventReportRequest } from './event-request.ts';

export interface AssociateOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: ConnectionOptions;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly contexts: ProposedContext[];
  /** Roles of ours other than SCU (PS3.7 D.3.3.4) [none]. */
  readonly roles?: readonly RoleSelection[];
  readonly implementation: { classUid: string; versionName: string };
  /** Takes N-EVENT-REPORTs that come on this association, at any time while it is open; its sinks may not ask for time while they write [0211 is answered]. */
  readonly eventReported?: EventReported;
  /** Our inbound limit on a P-DATA-TF [16384]; only answers and events come in. */
  readonly maxPduBytes?: number;
  /** connect: TCP and TLS; associate: A-ASSOCIATE-AC; response: a DIMSE answer after the last byte was sent, and any stall while sending; ms. */
  readonly timeouts: { readonly connectMs: number; readonly associateMs: number; readonly responseMs: number };
}

/** A request about one SOP instance, with its data set. */
export interface OutgoingMessage {
  readonly contextId: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** The data set in the accepted transfer syntax of the context, without group 2; read no faster than the peer takes it. Chunks must not be reused after they were given. */
  readonly dataSet: AsyncIterable<Buffer>;
}

export interface StoreOperation extends OutgoingMessage {
  /** 0 medium, 1 high, 2 low. */
  readonly priority?: number;
}

/** N-EVENT-REPORT-RQ (PS3.7 section 10.3.1). */
export interface EventReportOperation extends OutgoingMessage {
  readonly eventTypeId: number;
}

/** N-ACTION-RQ (PS3.7 section 10.3.5): class and instance are the requested ones. */
export interface ActionOperation extends OutgoingMessage {
  readonly actionTypeId: number;
}

export interface Association {
  /** Accepted contexts by id. */
  readonly accepted: ReadonlyMap<number, { abstractSyntaxUid: string; transferSyntaxUid: string }>;
  /** Why each refused context was refused (PS3.8 table 9-18). */
  readonly refused: ReadonlyMap<number, number>;
  /** The peer's answer to our roles; a SOP class that is not in it has the default roles: we are SCU. */
  readonly roles: readonly RoleSelection[];
  readonly open: boolean;
  echo(): Promise<DimseStatus>;
  /**
   * One operation at a time. Rejects with AssociationLost when the association ended first: the outcome is then unknown. If `dataSet` throws, the association is
   * aborted and that error comes out. The status and its comment are the peer's words: the comment may be about a patient.
   */
  store(operation: StoreOperation): Promise<DimseStatus>;
  /** As `store`; needs the SCP role for the SOP class. */
  reportEvent(operation: EventReportOperation): Promise<DimseStatus>;
  /** As `store`. */
  requestAction(operation: ActionOperation): Promise<DimseStatus>;
  /** Nothing to do if it is over already. Rejects with AssociationLost if the peer does not answer; every answered operation stays answered. */
  release(): Promise<void>;
  /** What is under way rejects with AssociationLost. */
  abort(): void;
}

/** Rejects with AssociationRejected or AssociationLost. */
export function associate(options: AssociateOptions): Promise<Association> {
  return openAssociation(options);
}
