// One association as requestor: how it begins and ends; its operations are in scu-operations.ts, what the peer asks in peer-requests.ts (PS3.8 section 7).
import type { Socket } from 'node:net';
import type { AssociateAcceptPdu, AssociateRejectPdu } from '../upper-layer/associate-pdu.ts';
import type { AssociationEnd, RoleSelection } from '../upper-layer/association.ts';
import { PduError, type PdvHeader } from '../upper-layer/pdu-reader.ts';
import { encodeAssociateRequest } from '../upper-layer/pdu-writer.ts';
import { UpperLayerConnection } from '../upper-layer/upper-layer-connection.ts';
import type { UpperLayerUser } from '../upper-layer/upper-layer-user.ts';
import { AssociationLost, AssociationRejected } from './association-errors.ts';
import { COMMAND_FIELD, RESPONSE_BIT } from './command-elements.ts';
import type { CommandFields, CommandSet } from './command-set.ts';
import { type AcceptedContext, acceptedContexts } from './context-answers.ts';
import { maxFragmentBytes } from './fragment-size.ts';
import { MessageAssembler } from './message-assembler.ts';
import { PeerRequests } from './peer-requests.ts';
import type { DimseStatus } from './scp.ts';
import type { ActionOperation, AssociateOptions, Association, EventReportOperation, OutgoingMessage, StoreOperation } from './scu.ts';
import { ScuOperations } from './scu-operations.ts';

const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';
const DEFAULT_MAX_PDU_BYTES = 16_384;
const NO_REASON = 2;
/** For a peer to close after our A-ABORT (PS3.8 section 9.1.2). */
const ARTIM_MS = 10_000;

export class ScuAssociation implements Association, UpperLayerUser {
  readonly refused = new Map<number, number>();
  roles: readonly RoleSelection[] = [];
  #accepted: ReadonlyMap<number, AcceptedContext> = new Map();
  readonly #options: AssociateOptions;
  readonly #socket: Socket;
  readonly #connection: UpperLayerConnection;
  readonly #assembler: MessageAssembler;
  readonly #requests: PeerRequests;
  #operations: ScuOperations | undefined;
  #opening: PromiseWithResolvers<void> | undefined;
  #releasing: PromiseWithResolvers<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: AssociateOptions) {
    this.#options = options;
    this.#socket = socket;
    const maxPduBytes = options.maxPduBytes ?? DEFAULT_MAX_PDU_BYTES;
    this.#connection = new UpperLayerConnection({
      socket,
      role: 'requestor',
      user: this,
      maxPduBytes,
      artimMs: ARTIM_MS,
    });
    this.#requests = new PeerRequests({
      eventReported: options.eventReported,
      context: (contextId) => this.#accepted.get(contextId),
      respond: (contextId, command) => this.#operations?.respond(contextId, command),
    });
    this.#assembler = new MessageAssembler({
      command: (command, contextId, hasDataSet) => this.#receive(command, contextId, hasDataSet),
      dataSetSlice: (slice) => this.#requests.dataSetSlice(slice),
      dataSetEnded: () => this.#requests.ended(),
    });
    this.#connection.requestAssociation();
  }

  get accepted(): ReadonlyMap<number, AcceptedContext> {
    return this.#accepted;
  }

  get open(): boolean {
    return this.#connection.isEstablished;
  }

  /** Resolves when A-ASSOCIATE-AC came. `transportEvent`: what the socket emits when it can be written to. */
  opened(transportEvent: 'connect' | 'secureConnect'): Promise<void> {
    const { timeouts } = this.#options;
    this.#opening = Promise.withResolvers();
    this.#limit(timeouts.connectMs, 'no transport connection');
    this.#socket.once(transportEvent, () => {
      this.#limit(timeouts.associateMs, 'no answer to A-ASSOCIATE-RQ');
      const maxPduBytes = this.#options.maxPduBytes ?? DEFAULT_MAX_PDU_BYTES;
      this.#connection.transportConfirmed(encodeAssociateRequest({ ...this.#options, maxPduBytes }));
    });
    return this.#opening.promise;
  }

  async echo(): Promise<DimseStatus> {
    const contextId = [...this.#accepted].find(([, context]) => context.abstractSyntaxUid === VERIFICATION_SOP_CLASS)?.[0];
    if (contextId === undefined) throw new Error('no accepted presentation context for the Verification SOP Class');
    return this.#operating.echo(contextId);
  }

  async store(store: StoreOperation): Promise<DimseStatus> {
    return this.#request(COMMAND_FIELD.cStoreRq, store, { ...affected(store), priority: store.priority ?? 0 });
  }

  async reportEvent(event: EventReportOperation): Promise<DimseStatus> {
    return this.#request(COMMAND_FIELD.nEventReportRq, event, { ...affected(event), eventTypeId: event.eventTypeId });
  }

  async requestAction(action: ActionOperation): Promise<DimseStatus> {
    const { sopClassUid: requestedSopClassUid, sopInstanceUid: requestedSopInstanceUid, actionTypeId } = action;
    return this.#request(COMMAND_FIELD.nActionRq, action, { requestedSopClassUid, requestedSopInstanceUid, actionTypeId });
  }

  release(): Promise<void> {
    if (this.#releasing !== undefined) return this.#releasing.promise;
    if (!this.#connection.requestRelease()) return Promise.resolve();
    this.#releasing = Promise.withResolvers();
    this.#limit(this.#options.timeouts.responseMs, 'no answer to A-RELEASE-RQ');
    return this.#releasing.promise;
  }

  abort(): void {
    this.#connection.abort({ kind: 'aborted-by-us', detail: 'aborted by us' });
  }

  associateAccepted(accept: AssociateAcceptPdu): void {
    clearTimeout(this.#timer);
    const refusal = this.#refuseAnswer(accept);
    if (refusal !== undefined) {
      this.#connection.fail(refusal);
      return;
    }
    const { contexts } = this.#options;
    this.#accepted = acceptedContexts(contexts, accept.contexts);
    this.roles = accept.roles;
    const results = new Map(accept.contexts.map((answer) => [answer.id, answer.result]));
    for (const { id } of contexts) if (!this.#accepted.has(id)) this.refused.set(id, results.get(id) ?? NO_REASON);
    this.#operations = new ScuOperations({
      connection: this.#connection,
      maxFragmentBytes: maxFragmentBytes(accept.maxPduBytes),
      responseMs: this.#options.timeouts.responseMs,
    });
    this.#opening?.resolve();
  }

  associateRejected(reject: AssociateRejectPdu): void {
    this.#opening?.reject(new AssociationRejected(reject));
  }

  fragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void {
    try {
      this.#assembler.fragment(pdv, slice, complete);
    } catch (error) {
      this.#connection.fail(error instanceof PduError ? error : new PduError(0, 'internal error'));
    }
  }

  releaseRequested(): void {
    this.#connection.respondRelease();
  }

  drained(): void {
    this.#operations?.drained();
  }

  /** `ended` follows and says the same. */
  malformed(): void {}

  ended(end: AssociationEnd): void {
    clearTimeout(this.#timer);
    const { host, port } = this.#options;
    const lost = new AssociationLost(`association with ${host}:${port} ${end.kind}: ${end.detail}`);
    this.#opening?.reject(lost);
    if (end.kind === 'released') this.#releasing?.resolve();
    else this.#releasing?.reject(lost);
    this.#releasing = undefined;
    this.#operations?.end(lost);
    this.#requests.abort(lost);
  }

  closed(): void {}

  /** Bounds the wait for an answer to an association or release request. */
  #limit(ms: number, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#connection.abort({ kind: 'timed-out', detail: `${what} within ${ms} ms` }), ms);
  }

  #refuseAnswer(accept: AssociateAcceptPdu): PduError | undefined {
    const proposed = new Map(this.#options.contexts.map((context) => [context.id, context.transferSyntaxUids]));
    const wrong = accept.contexts.find(
      ({ id, result, transferSyntaxUid }) => result === 0 && !proposed.get(id)?.includes(transferSyntaxUid),
    );
    if (wrong !== undefined) return new PduError(6, `context ${wrong.id} was accepted with what was not proposed`);
    if (accept.maxPduBytes !== 0 && maxFragmentBytes(accept.maxPduBytes) < 2) {
      return new PduError(6, `nothing fits into a maximum length of ${accept.maxPduBytes}`);
    }
    return undefined;
  }

  get #operating(): ScuOperations {
    if (this.#operations === undefined || !this.open) throw new AssociationLost('the association is over');
    return this.#operations;
  }

  #request(commandField: number, message: OutgoingMessage, fields: CommandFields): Promise<DimseStatus> {
    if (!this.#accepted.has(message.contextId)) throw new Error(`presentation context ${message.contextId} was not accepted`);
    return this.#operating.request(commandField, message, fields);
  }

  /** Throws PduError for a response that is not to our request. */
  #receive(command: CommandSet, contextId: number, hasDataSet: boolean): void {
    const isResponse = ((command.number('commandField') as number) & RESPONSE_BIT) !== 0;
    if (isResponse) this.#operations?.answered(command);
    else this.#requests.begin(command, contextId, hasDataSet);
  }
}

const affected = ({ sopClassUid, sopInstanceUid }: OutgoingMessage) => ({
  affectedSopClassUid: sopClassUid,
  affectedSopInstanceUid: sopInstanceUid,
});
