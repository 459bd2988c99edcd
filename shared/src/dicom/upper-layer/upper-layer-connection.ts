// One transport connection driven by the state table: PDUs in and out, ARTIM, the end (PS3.8 section 9.2).
import type { Socket } from 'node:net';
import type { AssociateAcceptPdu, AssociateRejectPdu, AssociateRequestPdu } from './associate-pdu.ts';
import type { AssociationEnd, RejectAnswer } from './association.ts';
import { PduError, PduReader, type PdvHeader } from './pdu-reader.ts';
import { encodeAbort, encodeAssociateReject, encodeReleaseRequest, encodeReleaseResponse } from './pdu-writer.ts';
import { eventOfPdu, type ReceivedEvent } from './received-pdu.ts';
import { type Action, STATE_TABLE, type State, type Transition, type UpperLayerEvent } from './state-machine.ts';
import { endOf, isVersionSupported, reasonOf, type TransitionInput, UNEXPECTED } from './transition-input.ts';
import { TransportConnection } from './transport-connection.ts';
import type { UpperLayerUser } from './upper-layer-user.ts';

export interface UpperLayerOptions {
  /** Must allow half-open connections, so that the end of the peer's data is seen here first. */
  readonly socket: Socket;
  readonly role: 'requestor' | 'acceptor';
  readonly user: UpperLayerUser;
  /** Our limit on inbound P-DATA-TFs, 0: none. */
  readonly maxPduBytes: number;
  /** PS3.8 section 9.1.2. */
  readonly artimMs: number;
}

export class UpperLayerConnection {
  readonly #transport: TransportConnection;
  readonly #isRequestor: boolean;
  readonly #user: UpperLayerUser;
  readonly #reader: PduReader;
  #state: State = 1;
  #lastReadAt = performance.now();
  #isEnded = false;

  constructor(options: UpperLayerOptions) {
    this.#isRequestor = options.role === 'requestor';
    this.#user = options.user;
    const listener = {
      dataBegan: () => this.#dispatch('P-DATA-TF PDU', UNEXPECTED.pDataTf),
      fragment: (pdv: PdvHeader, slice: Buffer, complete: boolean) => this.#deliver(pdv, slice, complete),
      pdu: (type: number, body: Buffer) => this.#receive(type, body),
      failed: (error: PduError) => this.fail(error),
    };
    this.#reader = new PduReader(listener, options.maxPduBytes);
    this.#transport = new TransportConnection(options.socket, this.#transportListener(), options.artimMs);
  }

  /** On the clock of performance.now(). */
  get lastReadAt(): number {
    return this.#lastReadAt;
  }

  get isEstablished(): boolean {
    return this.#state === 6;
  }

  /** Acceptor: the transport connection is there (Evt5). */
  begin(): void {
    this.#dispatch('transport indication');
  }

  /** Requestor: `request` (an A-ASSOCIATE-RQ PDU) goes out once `transportConfirmed` is called (Evt1, Evt2). */
  requestAssociation(): void {
    this.#dispatch('A-ASSOCIATE request');
  }

  transportConfirmed(request: Buffer): void {
    this.#dispatch('transport confirmation', { bytes: request });
  }

  /** `maxPduBytes`: what the answer says of our inbound limit. False if the association is no longer waiting for an answer. */
  acceptAssociation(accept: Buffer, maxPduBytes: number): boolean {
    this.#reader.maxDataBytes = maxPduBytes;
    return this.#dispatch('A-ASSOCIATE accept', { bytes: accept });
  }

  rejectAssociation(answer: RejectAnswer): boolean {
    return this.#dispatch('A-ASSOCIATE reject', { reject: answer });
  }

  /** Whole P-DATA-TFs, in as many parts as the caller likes, as one write; false: wait for `drained`. */
  sendData(parts: readonly Buffer[]): boolean {
    if (!this.#dispatch('P-DATA request')) return true;
    return parts.length === 1 ? this.#transport.write(parts[0] as Buffer) : this.#transport.writeAll(parts);
  }

  /** False if there is nothing to release. */
  requestRelease(): boolean {
    return this.#dispatch('A-RELEASE request');
  }

  respondRelease(): void {
    this.#dispatch('A-RELEASE response');
  }

  /** `end` says why we abort; a no-op once it is over. */
  abort(end: AssociationEnd): void {
    this.#dispatch('A-ABORT request', { end, reason: 0 });
  }

  /** The peer broke a rule above the PDUs, for example about message fragments (PS3.8 Annex E). */
  fail(error: PduError): void {
    if (!this.#isEnded) this.#user.malformed(error);
    this.#dispatch('invalid PDU', { end: { kind: 'aborted-by-us', detail: error.message }, reason: error.reason });
  }

  /** Stops reading: as soon as anything of a chunk must wait, the socket is paused and TCP holds the peer. Until then a connection that ends is noticed. */
  hold(): void {
    this.#reader.hold();
  }

  resume(): void {
    this.#reader.resume();
    if (!this.#reader.held) this.#transport.resume();
  }

  /** Closes as soon as what is written has left, without waiting for the peer. */
  leave(): void {
    this.#transport.close();
  }

  #transportListener() {
    return {
      read: (chunk: Buffer) => this.#read(chunk),
      drained: () => this.#user.drained(),
      artimExpired: () => {
        this.#dispatch('ARTIM expired', { end: { kind: 'timed-out', detail: 'ARTIM expired (PS3.8 section 9.1.2)' }, reason: 0 });
      },
      lost: (detail: string) => {
        const { unfinished } = this.#reader;
        if (unfinished !== undefined && !this.#isEnded) this.#user.malformed(new PduError(0, `${detail} ${unfinished}`));
        this.#dispatch('transport closed', { end: { kind: 'connection-lost', detail }, reason: 0 });
      },
      closed: () => {
        this.#reader.stop();
        this.#end({ kind: 'connection-lost', detail: 'connection closed' });
        this.#user.closed();
      },
    };
  }

  #read(chunk: Buffer): void {
    this.#lastReadAt = performance.now();
    this.#reader.push(chunk);
    if (this.#reader.hasWaiting) this.#transport.pause();
  }

  /** Data is for the user in Sta6 and, while our release is under way, in Sta7; after anything else ended it, the rest of a PDU is dropped. */
  #deliver(pdv: PdvHeader, slice: Buffer, complete: boolean): void {
    if (this.#state === 6 || this.#state === 7) this.#user.fragment(pdv, slice, complete);
  }

  #receive(type: number, body: Buffer): void {
    let received: ReceivedEvent;
    try {
      received = eventOfPdu(type, body, this.#state);
    } catch (error) {
      if (!(error instanceof PduError)) throw error;
      this.fail(error);
      return;
    }
    this.#dispatch(received.event, received.input);
  }

  /** False for a blank cell of the table. */
  #dispatch(event: UpperLayerEvent, input?: TransitionInput): boolean {
    const transition = STATE_TABLE[event][this.#state];
    if (transition === undefined) return false;
    this.#state = this.#next(transition, input);
    this.#perform(transition.action, input);
    return true;
  }

  #next(transition: Transition, input: TransitionInput | undefined): State {
    if (transition.otherwise === undefined) return transition.next;
    if (transition.action === 'AR-8') return this.#isRequestor ? transition.next : transition.otherwise;
    return input !== undefined && 'request' in input && isVersionSupported(input.request) ? transition.next : transition.otherwise;
  }

  /** Tables 9-6 to 9-9; the actions that only change the state have no case. */
  #perform(action: Action, input: TransitionInput | undefined): void {
    switch (action) {
      case 'DT-1':
      case 'DT-2':
        break;
      case 'AE-2':
      case 'AE-7':
        this.#transport.write((input as { bytes: Buffer }).bytes);
        break;
      case 'AE-3':
        this.#user.associateAccepted?.((input as { accept: AssociateAcceptPdu }).accept);
        break;
      case 'AE-4':
        this.#user.associateRejected?.((input as { reject: AssociateRejectPdu }).reject);
        this.#end({ kind: 'released', detail: 'rejected by the peer' });
        this.#transport.close();
        break;
      case 'AE-5':
        this.#transport.startArtim();
        break;
      case 'AE-6':
        this.#transport.stopArtim();
        this.#indicate((input as { request: AssociateRequestPdu }).request);
        break;
      case 'AE-8':
        this.#reject((input as { reject: AssociateRejectPdu }).reject);
        break;
      default:
        if (action.startsWith('AR')) this.#performRelease(action);
        else this.#performAbort(action, input);
    }
  }

  #performRelease(action: Action): void {
    switch (action) {
      case 'AR-1':
        this.#transport.write(encodeReleaseRequest());
        break;
      case 'AR-2':
      case 'AR-8':
        this.#user.releaseRequested();
        break;
      case 'AR-3':
        this.#end({ kind: 'released', detail: 'released by us' });
        this.#transport.close();
        break;
      case 'AR-4':
        this.#transport.write(encodeReleaseResponse());
        this.#transport.startArtim();
        this.#end({ kind: 'released', detail: 'released by the peer' });
        break;
      case 'AR-5':
        this.#transport.stopArtim();
        break;
      case 'AR-9':
        this.#transport.write(encodeReleaseResponse());
        break;
      case 'AR-10':
        this.respondRelease();
        break;
    }
  }

  #performAbort(action: Action, input: TransitionInput | undefined): void {
    switch (action) {
      case 'AA-1':
        this.#sendAbort(0, input);
        break;
      case 'AA-2':
        this.#transport.stopArtim();
        this.#end(endOf(input, 'ARTIM expired'));
        this.#transport.destroy();
        break;
      case 'AA-3':
        this.#end(endOf(input, 'aborted'));
        this.#transport.close();
        break;
      case 'AA-4':
      case 'AA-5':
        this.#transport.stopArtim();
        this.#end(endOf(input, 'connection lost'));
        break;
      case 'AA-7':
        this.#transport.write(encodeAbort(2, reasonOf(input)));
        break;
      case 'AA-8':
        this.#sendAbort(2, input);
        break;
    }
  }

  #indicate(request: AssociateRequestPdu): void {
    if (isVersionSupported(request)) this.#user.associateRequested?.(request);
    else this.#reject({ result: 1, source: 2, reason: 2 });
  }

  /** A reject ends what never was an association: by PS3.8 the peer closes, at the latest ARTIM does. */
  #reject(reject: AssociateRejectPdu): void {
    this.#transport.write(encodeAssociateReject(reject));
    this.#transport.startArtim();
    this.#end({ kind: 'released', detail: `rejected: result ${reject.result}, source ${reject.source}, reason ${reject.reason}` });
  }

  /** The peer is to close; what it still sends goes by the column of Sta13 until it does or ARTIM expires. */
  #sendAbort(source: 0 | 2, input: TransitionInput | undefined): void {
    this.#transport.write(encodeAbort(source, reasonOf(input)));
    this.#transport.startArtim();
    this.#end(endOf(input, 'aborted'));
  }

  #end(end: AssociationEnd): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#user.ended(end);
  }
}
