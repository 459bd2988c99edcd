// The requestor's side of DIMSE: associate, C-ECHO, C-STORE as service class user (PS3.7 section 9).
import type { ConnectionOptions } from 'node:tls';
import type { ProposedContext } from '../upper-layer/association.ts';
import type { DimseStatus } from './scp.ts';

export interface AssociateOptions {
  readonly host: string;
  readonly port: number;
  readonly tls?: ConnectionOptions;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly contexts: ProposedContext[];
  readonly implementation: { classUid: string; versionName: string };
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
  /** The data set in the accepted transfer syntax of the context, without group 2; read no faster than the peer takes it. */
  readonly dataSet: AsyncIterable<Buffer>;
}

export interface Association {
  /** Accepted contexts by id. */
  readonly accepted: ReadonlyMap<number, { abstractSyntaxUid: string; transferSyntaxUid: string }>;
  /** Why each refused context was refused (PS3.8 table 9-18). */
  readonly refused: ReadonlyMap<number, number>;
  readonly open: boolean;
  echo(): Promise<DimseStatus>;
  /** One at a time. Throws TransientLike errors (AssociationLost) when the association ended first: the outcome is then unknown. */
  store(operation: StoreOperation): Promise<DimseStatus>;
  release(): Promise<void>;
  abort(): void;
}

/** The peer said no to the whole association. `transient`: PS3.8 result 2. */
export class AssociationRejected extends Error {
  override readonly name = 'AssociationRejected';
  readonly transient: boolean;
  readonly source: number;
  readonly reason: number;
  constructor(answer: { result: number; source: number; reason: number }) {
    super(`association rejected: result ${answer.result}, source ${answer.source}, reason ${answer.reason} (PS3.8 table 9-21)`);
    this.transient = answer.result === 2;
    this.source = answer.source;
    this.reason = answer.reason;
  }
}

/** Connection refused or lost, aborted by the peer, timed out. What was under way has an unknown outcome. */
export class AssociationLost extends Error {
  override readonly name = 'AssociationLost';
}

export declare function associate(options: AssociateOptions): Promise<Association>;
