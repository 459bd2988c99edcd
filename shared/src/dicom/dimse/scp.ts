// The acceptor's side of DIMSE: listeners, associations, C-STORE and C-ECHO as service class provider (PS3.7 section 9).
import type {
  AssociationEnd,
  AssociationRequest,
  ContextAnswer,
  ExtendedNegotiation,
  RejectAnswer,
  RoleSelection,
} from '../upper-layer/association.ts';
import type { EventReport, EventReporter } from './event-report.ts';
import type { NEventReportRequest } from './event-request.ts';
import { ScpServer } from './scp-server.ts';

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

/** N-ACTION-RQ (PS3.7 section 10.3.5), UIDs as sent, padding trimmed; '' or undefined: missing. */
export interface NActionRequest {
  readonly messageId: number;
  readonly contextId: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  readonly requestedSopClassUid: string;
  readonly requestedSopInstanceUid: string;
  readonly actionTypeId: number | undefined;
  /** Whether action information follows; a sink for a request without any is ended at once. */
  readonly hasDataSet: boolean;
}

/** Status (0000,0900) with what may go beside it; `comment` at most 64 characters, never a patient attribute. */
export interface DimseStatus {
  readonly status: number;
  readonly comment?: string;
  readonly offendingElements?: number[];
}

/**
 * Takes one data set as it arrives. Chunks are slices of the socket's buffer, never empty, and valid until `write` returns: what is kept must be
 * copied. Either `end` or `abort` is called, once, and nothing after it.
 */
export interface DataSetSink {
  /**
   * A promise pauses the socket until it settles; the next call comes after that. A throw or rejection: the rest is read and dropped, `write` is not called
   * again, and `end` is called all the same at the end of the data set.
   */
  write(chunk: Buffer): Promise<void> | undefined;
  /**
   * The whole data set has arrived. What it resolves with becomes the C-STORE-RSP. After a failed write the sink says here which status that means (C000, A700 ...);
   * should it claim success then, A700 is sent. Must not reject; if it does, A700 is sent. Runs to its end even if the connection is lost meanwhile; then no answer is sent.
   */
  end(): Promise<DimseStatus>;
  /** Abort, reset, timeout, release or invalid PDU before the end of the data set: no answer will be sent; leave nothing behind. A write may still be pending. */
  abort(reason: Error): void;
}

export interface AcceptedAssociation {
  readonly id: string;
  readonly request: AssociationRequest;
  /** One for each proposed context, in their order. */
  readonly contexts: readonly ContextAnswer[];
  /** What the requestor may be, for each SOP class that it proposed roles for and was answered; else it is SCU (PS3.7 D.3.3.4). */
  readonly roles: readonly RoleSelection[];
}

export interface ScpHandlers {
  /** Decides on an association. A throw is answered with a transient reject (2,3,1). Proposed contexts without an answer are refused with result 3. */
  associationRequested(request: AssociationRequest): AssociationAnswer | Promise<AssociationAnswer>;
  /** A C-STORE-RQ came (its UIDs as sent, padding trimmed; neither is empty or longer than 64 characters, more is not checked). A status instead of a sink: the data set is read and dropped, and the status sent. */
  storeRequested(association: AcceptedAssociation, request: CStoreRequest): DataSetSink | DimseStatus;
  /**
   * An N-ACTION-RQ came. What the sink resolves with becomes the N-ACTION-RSP. `reporter` sends N-EVENT-REPORTs about the same SOP class to the same peer for as long
   * as the association lasts. Absent: every N-ACTION is answered with 0211.
   */
  actionRequested?(association: AcceptedAssociation, request: NActionRequest, reporter: EventReporter): DataSetSink | DimseStatus;
  /** An N-EVENT-REPORT-RQ came. Absent: every one is answered with 0211. */
  eventReported?(association: AcceptedAssociation, request: NEventReportRequest): DataSetSink | DimseStatus;
  associationEnded?(association: AcceptedAssociation, end: AssociationEnd, summary: AssociationSummary): void;
  /** A request was rejected, by `associationRequested` or by a limit. */
  associationRejected?(request: AssociationRequest, answer: RejectAnswer): void;
}

/** What came of an association. */
export interface AssociationSummary {
  readonly startedAt: Date;
  /** Our own limit on P-DATA-TFs, as advertised. */
  readonly maxPduBytes: number;
  /** C-STOREs that were answered with a status that means stored. */
  readonly instances: number;
  /** Of the data sets that came with a C-STORE. */
  readonly dataSetBytes: number;
  /** Responses sent, by operation and status: `C-STORE 0000`. */
  readonly responses: ReadonlyMap<string, number>;
}

export { AssociationLost } from './association-errors.ts';
export type { EventReport, EventReporter, NEventReportRequest };

/** What is not proposed cannot be answered: such roles and extended negotiations are left out of the A-ASSOCIATE-AC. */
export interface AssociationAcceptance {
  readonly contexts: ContextAnswer[];
  /** The roles that the requestor may take: each at most what it proposed, at most one row a SOP class. */
  readonly roles?: RoleSelection[];
  readonly extendedNegotiations?: ExtendedNegotiation[];
  /** The user identity was accepted: answered if the peer asked for an answer (PS3.7 D.3.3.7.2); empty where there is nothing to return. */
  readonly userIdentityResponse?: Buffer;
  /** Our inbound limit towards this peer [ScpLimits.maxPduBytes]. */
  readonly maxPduBytes?: number;
  /** [ScpLimits.idleMs] */
  readonly idleMs?: number;
}

export type AssociationAnswer = AssociationAcceptance | RejectAnswer;

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

export type ScpEventKind =
  | 'association-rejected'
  | 'connections-exceeded'
  | 'internal-error'
  | 'listener-error'
  | 'malformed-pdu'
  | 'no-association'
  | 'plain-on-tls-port'
  | 'proxy-header-refused'
  | 'store-failed'
  | 'tls-client-certificate-invalid'
  | 'tls-client-certificate-missing'
  | 'tls-handshake-failed'
  | 'tls-no-shared-cipher'
  | 'tls-on-plain-port'
  | 'tls-own-certificate-refused'
  | 'tls-version-refused'
  | 'unexpected-response';

export interface ScpEvent {
  readonly kind: ScpEventKind;
  /** The peer's address, or the listener's id. */
  readonly source: string;
  /** The id of the listener. */
  readonly listener: string;
  /** Address of the balancer in between, if one told the source. */
  readonly balancer?: string;
  /** The association that it happened on; absent before there is one. */
  readonly association?: string;
  /** One sentence: what is wrong, and what to do where that is known. */
  readonly detail: string;
  /** The limit that was reached, for counting: `associations`, `associationsPerSource`, `maxPduBytes`, `artim`, or what an answer of the handler said. */
  readonly limit?: string;
}

export interface ScpOptions {
  readonly handlers: ScpHandlers;
  /** Read anew at each association, so that configuration is hot. */
  readonly limits: () => ScpLimits;
  readonly implementation: { classUid: string; versionName: string };
  /** Events worth a log line. No patient data comes through here. */
  readonly report: (event: ScpEvent) => void;
}

/** PEM texts. Throws where it is used when they do not fit together. */
export interface ListenerTls {
  /** With its chain. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** What client certificates are checked against. */
  readonly ca?: string | Buffer | undefined;
  /** optional: one that is not valid counts as none [none]. */
  readonly clientCert?: 'none' | 'optional' | 'required';
}

/** What can change while a listener is open. */
export interface ListenerSettings {
  readonly id: string;
  readonly tls?: ListenerTls | undefined;
  /** A PROXY protocol header comes first on every connection; nothing else is understood [false]. */
  readonly proxyProtocol?: boolean;
}

export interface ListenOptions extends ListenerSettings {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Other processes listen on it too: when this one drains, its listener closes at once and the others get what comes. */
  readonly reusePort?: boolean;
}

export interface OpenListener {
  readonly port: number;
  /** For connections from now on; open ones stay as they are. Throws when certificate and key do not fit: then nothing changes. */
  change(settings: ListenerSettings): void;
  /** No further connections; those that are open, or wait to be accepted, go on. */
  close(): Promise<void>;
}

export interface Scp {
  /** Rejects with the error of the system (EADDRINUSE ...) or of OpenSSL. */
  listen(options: ListenOptions): Promise<OpenListener>;
  readonly openAssociations: number;
  /**
   * Refuses new associations (transient 2,3,1), lets open ones finish for at most graceMs, then closes the listeners and aborts the rest. The listeners
   * stay open for at least noticeMs of it, so that a balancer has noticed before a connection is refused; those with reusePort close at once.
   */
  drain(graceMs: number, noticeMs?: number): Promise<void>;
}

/** Nothing listens yet. */
export function createScp(options: ScpOptions): Scp {
  return new ScpServer(options);
}
