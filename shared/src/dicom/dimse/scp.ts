// The acceptor's side of DIMSE: listeners, associations, C-STORE and C-ECHO as service class provider (PS3.7 section 9).
import type { SecureContextOptions } from 'node:tls';
import type { AssociationEnd, AssociationRequest, ContextAnswer, RejectAnswer } from '../upper-layer/association.ts';

export interface CStoreRequest {
  readonly messageId: number;
  readonly contextId: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  readonly affectedSopClassUid: string;
  readonly affectedSopInstanceUid: string;
  /** (0000,0700): 0 medium, 1 high, 2 low. */
  readonly priority: number;
  readonly moveOriginatorAe?: string;
}

/** Status (0000,0900) with what may go beside it; `comment` at most 64 characters, never a patient attribute. */
export interface DimseStatus {
  readonly status: number;
  readonly comment?: string;
  readonly offendingElements?: number[];
}

/** Takes one data set as it arrives. Chunks are slices of socket reads and may be kept. */
export interface DataSetSink {
  /** A promise pauses the socket until it settles. A throw or rejection: the rest is read and dropped and the status is C000 or A700 as `failed` answers. */
  write(chunk: Buffer): Promise<void> | undefined;
  /** The whole data set has arrived. What it resolves with becomes the C-STORE-RSP. Must not reject. */
  end(): Promise<DimseStatus>;
  /** Abort, reset, timeout, invalid PDU: no answer will be sent; leave nothing behind. */
  abort(reason: Error): void;
}

export interface AcceptedAssociation {
  readonly id: string;
  readonly request: AssociationRequest;
}

export interface ScpHandlers {
  /** Decides on an association. A throw is answered with a transient reject (2,3,1). */
  associationRequested(request: AssociationRequest): AssociationAnswer | Promise<AssociationAnswer>;
  /** A C-STORE-RQ came (its UIDs as sent, padding trimmed). A status instead of a sink: the data set is read and dropped, and the status sent. */
  storeRequested(association: AcceptedAssociation, request: CStoreRequest): DataSetSink | DimseStatus;
  associationEnded?(association: AcceptedAssociation, end: AssociationEnd): void;
}

export type AssociationAnswer = { readonly contexts: ContextAnswer[] } | RejectAnswer;

export interface ScpLimits {
  /** Associations open at a time; beyond: transient reject 2,3,2. */
  readonly associations: number;
  readonly associationsPerSource: number;
  /** Our own inbound limit on the variable part of a P-DATA-TF, advertised in A-ASSOCIATE-AC; a larger PDU is aborted. */
  readonly maxPduBytes: number;
  /** No byte from the peer, while nothing is owed to it, ms. */
  readonly idleMs: number;
  readonly artimMs: number;
}

export interface ScpOptions {
  readonly handlers: ScpHandlers;
  /** Read anew at each association, so that configuration is hot. */
  readonly limits: () => ScpLimits;
  readonly implementation: { classUid: string; versionName: string };
  /** Events worth a log line: malformed PDU, wrong protocol (TLS on the plain port and the reverse), rejects. No patient data comes through here. */
  readonly report: (event: { kind: string; source: string; detail: string }) => void;
}

export interface ListenOptions {
  readonly id: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly reusePort?: boolean;
  readonly tls?: SecureContextOptions & { requestCert?: boolean; rejectUnauthorized?: boolean };
}

export interface Scp {
  listen(options: ListenOptions): Promise<{ port: number }>;
  readonly openAssociations: number;
  /** Refuses new associations (transient 2,3,1), lets open ones finish for at most graceMs, aborts the rest, closes the listeners. */
  drain(graceMs: number): Promise<void>;
}

export declare function createScp(options: ScpOptions): Scp;
