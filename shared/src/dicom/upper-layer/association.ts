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

export interface Peer {
  readonly address: string;
  readonly port: number;
  readonly listener: string;
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
  readonly peer: Peer;
}

/** PS3.8 table 9-21. */
export interface RejectAnswer {
  readonly result: 1 | 2;
  readonly source: 1 | 2 | 3;
  readonly reason: number;
  /** For our own log. */
  readonly because: string;
}

/** How it ended; `detail` names the timer, the PDU or the socket error. */
export interface AssociationEnd {
  readonly kind: 'released' | 'aborted-by-peer' | 'aborted-by-us' | 'connection-lost' | 'timed-out';
  readonly detail: string;
}
