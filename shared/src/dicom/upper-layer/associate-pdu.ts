// What A-ASSOCIATE-RQ, -AC, -RJ and A-ABORT say, decoded (PS3.8 sections 9.3.2 to 9.3.4 and 9.3.8).
import type {
  AsynchronousWindow,
  CommonExtendedNegotiation,
  ContextAnswer,
  ExtendedNegotiation,
  ProposedContext,
  RoleSelection,
  UserIdentity,
} from './association.ts';

/** The user information item, as far as it is used (PS3.8 D.1, PS3.7 D.3.3). */
export interface UserInformation {
  /** What the sender of the PDU can receive in one P-DATA-TF; 0: no limit. */
  readonly maxPduBytes: number;
  /** '' if the item is missing. */
  readonly implementationClassUid: string;
  readonly implementationVersionName?: string;
  readonly roles: RoleSelection[];
  readonly asynchronousWindow?: AsynchronousWindow;
  readonly extendedNegotiations: ExtendedNegotiation[];
  readonly commonExtendedNegotiations: CommonExtendedNegotiation[];
  /** In a request. */
  readonly userIdentity?: UserIdentity;
  /** In an accept: the positive response to a user identity, with what it returns. */
  readonly userIdentityResponse?: Buffer;
}

export interface AssociateRequestPdu extends UserInformation {
  /** Bit 0: version 1. */
  readonly protocolVersion: number;
  readonly calledAe: string;
  readonly callingAe: string;
  readonly applicationContextName: string;
  readonly contexts: ProposedContext[];
  /** Bytes 11 to 74 of the PDU: AE titles and reserved field, which A-ASSOCIATE-AC gives back as they came (PS3.8 table 9-17). */
  readonly addressing: Buffer;
}

export interface AssociateAcceptPdu extends UserInformation {
  readonly protocolVersion: number;
  readonly contexts: ContextAnswer[];
}

export interface AssociateRejectPdu {
  readonly result: number;
  readonly source: number;
  readonly reason: number;
}

export interface AbortPdu {
  /** 0 service-user, 2 service-provider. */
  readonly source: number;
  readonly reason: number;
}
