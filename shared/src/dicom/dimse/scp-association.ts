// One association as acceptor: negotiation, then message after message in the order they come (PS3.7 section 9, PS3.8 section 7).
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { AssociateRequestPdu } from '../upper-layer/associate-pdu.ts';
import type { AssociationEnd, AssociationRequest, Peer, RejectAnswer } from '../upper-layer/association.ts';
import { InactivityTimer } from '../upper-layer/inactivity-timer.ts';
import { APPLICATION_CONTEXT_NAME, TLS_HANDSHAKE } from '../upper-layer/pdu-fields.ts';
import { PduError, type PdvHeader } from '../upper-layer/pdu-reader.ts';
import { encodeAssociateAccept } from '../upper-layer/pdu-writer.ts';
import { UpperLayerConnection } from '../upper-layer/upper-layer-connection.ts';
import type { UpperLayerUser } from '../upper-layer/upper-layer-user.ts';
import { agree } from './agreement.ts';
import { maxFragmentBytes } from './fragment-size.ts';
import { MessageAssembler } from './message-assembler.ts';
import type { AcceptedAssociation, AssociationAnswer, AssociationSummary, ScpEventKind, ScpLimits, ScpOptions } from './scp.ts';
import { ScpOperations } from './scp-operations.ts';

/** What the associations of one SCP share. */
export interface AssociationHost {
  readonly options: ScpOptions;
  /** Why one more association from there cannot be opened now; `undefined`: it can. */
  refusalFor(source: string): RejectAnswer | undefined;
  /** Counts from here to `associationOver`. */
  associationOpened(association: ScpAssociation): void;
  associationOver(association: ScpAssociation): void;
  connectionClosed(association: ScpAssociation): void;
}

const TLS_ON_PLAIN_PORT =
  'a TLS ClientHello came instead of an A-ASSOCIATE-RQ: switch TLS off at the peer, or give it the port of a TLS listener';

const LOCAL_TROUBLE: Omit<RejectAnswer, 'because'> = { result: 2, source: 3, reason: 1 };

export class ScpAssociation implements UpperLayerUser {
  readonly peer: Peer;
  readonly #host: AssociationHost;
  readonly #limits: ScpLimits;
  readonly #connection: UpperLayerConnection;
  readonly #assembler: MessageAssembler;
  #maxPduBytes = 0;
  #operations: ScpOperations | undefined;
  #accepted: AcceptedAssociation | undefined;
  #startedAt = new Date();
  #idle: InactivityTimer | undefined;
  /** Promises of ours that the peer waits for. */
  #owed = 0;
  #lastOwedAt = 0;
  #awaitsDrain = false;

  constructor(host: AssociationHost, socket: Socket, peer: Peer) {
    this.#host = host;
    this.peer = peer;
    this.#limits = host.options.limits();
    const { maxPduBytes, artimMs } = this.#limits;
    this.#connection = new UpperLayerConnection({ socket, role: 'acceptor', user: this, maxPduBytes, artimMs });
    this.#assembler = new MessageAssembler({
      command: (command, contextId, hasDataSet) => this.#operations?.begin(command, contextId, hasDataSet),
      dataSetSlice: (slice) => this.#operations?.dataSetSlice(slice),
      dataSetEnded: () => this.#operations?.dataSetEnded(),
    });
    this.#connection.begin();
  }

  abort(end: AssociationEnd): void {
    this.#connection.abort(end);
  }

  /** The association is over; what is written still leaves, then the socket is closed without waiting for the peer. */
  leave(): void {
    this.#connection.leave();
  }

  associateRequested(pdu: AssociateRequestPdu): void {
    const refusal = this.#refusalFor(pdu);
    if (refusal !== undefined) {
      this.#reject(requestOf(pdu, this.peer), refusal);
      return;
    }
    this.#host.associationOpened(this);
    void this.#negotiate(pdu);
  }

  fragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void {
    try {
      this.#assembler.fragment(pdv, slice, complete);
    } catch (error) {
      if (error instanceof PduError) this.#connection.fail(error);
      else {
        this.#report('internal-error', String(error));
        this.abort({ kind: 'aborted-by-us', detail: 'internal error' });
      }
    }
  }

  releaseRequested(): void {
    this.#connection.respondRelease();
  }

  drained(): void {
    this.#awaitsDrain = false;
    this.#resumeIfFree();
  }

  malformed(error: PduError): void {
    if (error.pduType === TLS_HANDSHAKE && this.peer.tls === undefined) this.#report('tls-on-plain-port', TLS_ON_PLAIN_PORT);
    else this.#report('malformed-pdu', error.message, error.isTooLong ? 'maxPduBytes' : undefined);
  }

  ended(end: AssociationEnd): void {
    this.#idle?.stop();
    this.#operations?.abort(new Error(`association over: ${end.kind}, ${end.detail}`));
    this.#host.associationOver(this);
    if (this.#accepted === undefined) {
      if (end.kind === 'timed-out') this.#report('no-association', end.detail, 'artim');
      return;
    }
    try {
      this.#host.options.handlers.associationEnded?.(this.#accepted, end, this.#summary());
    } catch (error) {
      this.#report('internal-error', `associationEnded: ${String(error)}`);
    }
  }

  closed(): void {
    this.#host.connectionClosed(this);
  }

  #refusalFor(pdu: AssociateRequestPdu): RejectAnswer | undefined {
    if (pdu.applicationContextName !== APPLICATION_CONTEXT_NAME) {
      return { result: 1, source: 1, reason: 2, because: 'application context name not supported' };
    }
    if (pdu.maxPduBytes !== 0 && maxFragmentBytes(pdu.maxPduBytes) < 2) {
      return { result: 1, source: 1, reason: 1, because: `no response fits into a maximum length of ${pdu.maxPduBytes}` };
    }
    return this.#host.refusalFor(this.peer.address);
  }

  async #negotiate(pdu: AssociateRequestPdu): Promise<void> {
    const request = requestOf(pdu, this.peer);
    try {
      const answer = await this.#host.options.handlers.associationRequested(request);
      this.#answer(pdu, request, answer);
    } catch (error) {
      this.#report('internal-error', `associationRequested: ${String(error)}`);
      this.#reject(request, { ...LOCAL_TROUBLE, because: 'the association could not be decided on' });
    }
  }

  #answer(pdu: AssociateRequestPdu, request: AssociationRequest, answer: AssociationAnswer): void {
    if (!('contexts' in answer)) {
      this.#reject(request, answer);
      return;
    }
    const agreement = agree(request, answer, this.#limits);
    const { contexts, roles, maxPduBytes, idleMs } = agreement;
    const accepted: AcceptedAssociation = { id: randomUUID(), request, contexts, roles };
    const { implementation, handlers } = this.#host.options;
    const pduBytes = encodeAssociateAccept({ ...agreement, addressing: pdu.addressing, implementation });
    this.#accepted = accepted;
    this.#startedAt = new Date();
    this.#maxPduBytes = maxPduBytes;
    if (!this.#connection.acceptAssociation(pduBytes, maxPduBytes)) {
      this.#accepted = undefined;
      return;
    }
    this.#operations = new ScpOperations({ association: accepted, host: this.#operationHost(), handlers });
    this.#idle = this.#startIdleTimer(idleMs);
  }

  #operationHost() {
    return {
      send: (pdus: Buffer) => this.#send(pdus),
      owe: (promise: Promise<void>) => this.#owe(promise),
      report: (kind: ScpEventKind, detail: string) => this.#report(kind, detail),
    };
  }

  #send(pdus: Buffer): void {
    if (this.#connection.sendData([pdus])) return;
    this.#awaitsDrain = true;
    this.#connection.hold();
  }

  /** The peer waits for us until the promise, which must not reject, is settled: nothing is read, and no silence is held against the peer. */
  #owe(promise: Promise<void>): void {
    this.#owed++;
    this.#connection.hold();
    void promise.then(() => {
      this.#owed--;
      this.#lastOwedAt = performance.now();
      this.#resumeIfFree();
    });
  }

  #resumeIfFree(): void {
    if (this.#owed === 0 && !this.#awaitsDrain) this.#connection.resume();
  }

  #startIdleTimer(idleMs: number): InactivityTimer {
    return new InactivityTimer({
      limitMs: idleMs,
      lastActivityAt: () => Math.max(this.#connection.lastReadAt, this.#lastOwedAt),
      isExempt: () => this.#owed > 0,
      onExpired: () => this.abort({ kind: 'timed-out', detail: `idle: nothing came for ${idleMs} ms` }),
    });
  }

  #summary(): AssociationSummary {
    const { instances = 0, bytes = 0, responses = new Map() } = this.#operations?.tally ?? {};
    return {
      startedAt: this.#startedAt,
      maxPduBytes: this.#maxPduBytes,
      instances,
      dataSetBytes: bytes,
      responses,
    };
  }

  #reject(request: AssociationRequest, answer: RejectAnswer): void {
    const { result, source, reason, because, limit } = answer;
    this.#report('association-rejected', `result ${result}, source ${source}, reason ${reason}: ${because}`, limit);
    this.#connection.rejectAssociation(answer);
    try {
      this.#host.options.handlers.associationRejected?.(request, answer);
    } catch (error) {
      this.#report('internal-error', `associationRejected: ${String(error)}`);
    }
  }

  #report(kind: ScpEventKind, detail: string, limit?: string): void {
    const { address: source, listener, balancer } = this.peer;
    const through = balancer === undefined ? {} : { balancer };
    const on = this.#accepted === undefined ? {} : { association: this.#accepted.id };
    this.#host.options.report({ kind, source, listener, ...through, ...on, detail, ...(limit && { limit }) });
  }
}

/** What the handler decides on: the PDU without what only the protocol needs. */
function requestOf(pdu: AssociateRequestPdu, peer: Peer): AssociationRequest {
  const { calledAe, callingAe, contexts, maxPduBytes, implementationClassUid, implementationVersionName, roles } = pdu;
  const { asynchronousWindow, extendedNegotiations, commonExtendedNegotiations, userIdentity } = pdu;
  const names = { calledAe, callingAe, implementationClassUid, implementationVersionName };
  const negotiated = { contexts, maxPduBytes, roles, asynchronousWindow, extendedNegotiations, commonExtendedNegotiations };
  return { ...names, ...negotiated, userIdentity, peer };
}
