// The requestor's side of DIMSE: associate, C-ECHO, C-STORE as service class user (PS3.7 section 9).
import type { ConnectionOptions } from 'node:tls';
import type { ProposedContext } from '../upper-layer/association.ts';
import { openAssociation } from './open-association.ts';
import type { DimseStatus } from './scp.ts';

export { AssociationLost, AssociationRejected } from './association-errors.ts';

export interface AssociateOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: ConnectionOptions;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly contexts: ProposedContext[];
  readonly implementation: { classUid: string; versionName: string };
  /** Our inbound limit on a P-DATA-TF [16384]; only answers come in. */
  readonly maxPduBytes?: number;
  /** connect: TCP and TLS; associate: A-ASSOCIATE-AC; response: a DIMSE answer after the last byte was sent, and any stall while sending; ms. */
  readonly timeouts: { readonly connectMs: number; readonly associateMs: number; readonly responseMs: number };
}

export interface StoreOperation {
  readonly contextId: number;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** 0 medium, 1 high, 2 low. */
  readonly priority?: number;
  /** The data set in the accepted transfer syntax of the context, without group 2; read no faster than the peer takes it. Chunks must not be reused after they were given. */
  readonly dataSet: AsyncIterable<Buffer>;
}

export interface Association {
  /** Accepted contexts by id. */
  readonly accepted: ReadonlyMap<number, { abstractSyntaxUid: string; transferSyntaxUid: string }>;
  /** Why each refused context was refused (PS3.8 table 9-18). */
  readonly refused: ReadonlyMap<number, number>;
  readonly open: boolean;
  echo(): Promise<DimseStatus>;
  /**
   * One operation at a time. Rejects with AssociationLost when the association ended first: the outcome is then unknown. If `dataSet` throws, the association is
   * aborted and that error comes out. The status and its comment are the peer's words: the comment may be about a patient.
   */
  store(operation: StoreOperation): Promise<DimseStatus>;
  /** Nothing to do if it is over already. Rejects with AssociationLost if the peer does not answer; every answered operation stays answered. */
  release(): Promise<void>;
  /** What is under way rejects with AssociationLost. */
  abort(): void;
}

/** Rejects with AssociationRejected or AssociationLost. */
export function associate(options: AssociateOptions): Promise<Association> {
  return openAssociation(options);
}
