// What both sides of an association negotiate (PS3.8 section 7.1, PS3.7 Annex D).

export interface ProposedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUids: string[];
}

/** PS3.8 table 9-18: 0 acceptance, 1 user rejection, 2 no reason, 3 abstract syntax not supported, 4 transfer syntaxes not supported. */
export type ContextResult = 0 | 1 | 2 | 3 | 4;

export interface ContextAnswer {
  readonly id: number;
  readonly result: ContextResult;
  /** The one accepted; insignificant when refused. */
  readonly transferSyntaxUid: string;
}

export interface RoleSelection {
  readonly sopClassUid: string;
  readonly scu: boolean;
  readonly scp: boolean;
}

/** Operations under way at a time, 0: any number (PS3.7 D.3.3.3). */
export interface AsynchronousWindow {
  readonly invoked: number;
  readonly performed: number;
}

/** Service class application information of one SOP class, as its service class defines it (PS3.7 D.3.3.5; for storage PS3.4 table B.3-1). */
export interface ExtendedNegotiation {
  readonly sopClassUid: string;
  readonly information: Buffer;
}

/** What kind of thing a SOP class is that the acceptor may never have heard of (PS3.7 D.3.3.6). Never answered. */
export interface CommonExtendedNegotiation {
  readonly sopClassUid: string;
  readonly serviceClassUid: string;
  readonly relatedGeneralSopClassUids: string[];
}

/** PS3.7 D.3.3.7. For policy only: none of it goes into a log. Passcode, ticket and assertion are never kept. */
export interface UserIdentity {
  /** 1 user name, 2 user name and passcode, 3 Kerberos, 4 SAML, 5 JWT. */
  readonly type: number;
  readonly positiveResponseRequested: boolean;
  /** Of types 1 and 2; the passcode of type 2 was not checked. */
  readonly username?: string;
}

export interface Peer {
  /** Of the machine that sends: behind a balancer as its PROXY protocol header says. */
  readonly address: string;
  readonly port: number;
  readonly listener: string;
  /** Address of the balancer whose PROXY protocol header told the rest. */
  readonly balancer?: string;
  readonly tls?: { readonly subject?: string; readonly protocol?: string };
}

export interface AssociationRequest {
  readonly calledAe: string;
  readonly callingAe: string;
  readonly contexts: ProposedContext[];
  /** What the requestor can receive in one P-DATA-TF; 0: no limit. */
  readonly maxPduBytes: number;
  readonly implementationClassUid: string;
  readonly implementationVersionName?: string;
  readonly roles: RoleSelection[];
  /** Proposed, and answered with 1/1: one operation at a time. */
  readonly asynchronousWindow?: AsynchronousWindow;
  readonly extendedNegotiations?: ExtendedNegotiation[];
  readonly commonExtendedNegotiations?: CommonExtendedNegotiation[];
  readonly userIdentity?: UserIdentity;
  readonly peer: Peer;
}

/** PS3.8 table 9-21. */
export interface RejectAnswer {
  readonly result: 1 | 2;
  readonly source: 1 | 2 | 3;
  readonly reason: number;
  /** For our own log. */
  readonly because: string;
  /** The limit that decided, for counting. */
  readonly limit?: string;
}

/** How it ended; `detail` names the timer, the PDU or the socket error. */
export interface AssociationEnd {
  readonly kind: 'released' | 'aborted-by-peer' | 'aborted-by-us' | 'connection-lost' | 'timed-out';
  readonly detail: string;
}
