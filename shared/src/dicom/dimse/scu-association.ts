// One association as requestor: one operation at a time, its data set streamed as the peer takes it (PS3.7 section 9).
import type { Socket } from 'node:net';
import type { AssociateAcceptPdu, AssociateRejectPdu } from '../upper-layer/associate-pdu.ts';
import type { AssociationEnd, RoleSelection } from '../upper-layer/association.ts';
import { PduError, type PdvHeader } from '../upper-layer/pdu-reader.ts';
import { encodeAssociateRequest, encodeCommand } from '../upper-layer/pdu-writer.ts';
import { UpperLayerConnection } from '../upper-layer/upper-layer-connection.ts';
import type { UpperLayerUser } from '../upper-layer/upper-layer-user.ts';
import { AssociationLost, AssociationRejected } from './association-errors.ts';
import { COMMAND_FIELD, DATA_SET_FOLLOWS, NO_DATA_SET, RESPONSE_BIT } from './command-elements.ts';
import { type CommandFields, type CommandSet, encodeCommandSet } from './command-set.ts';
import { type AcceptedContext, acceptedContexts } from './context-answers.ts';
import { DataSetPacker } from './data-set-packer.ts';
import { maxFragmentBytes } from './fragment-size.ts';
import { MessageAssembler } from './message-assembler.ts';
import { PendingOperation } from './pending-operation.ts';
import type { DimseStatus } from './scp.ts';
import type { AssociateOptions, Association, EventReportOperation, OutgoingMessage, StoreOperation } from './scu.ts';
import { STATUS } from './statuses.ts';

const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';
const DEFAULT_MAX_PDU_BYTES = 16_384;
const MAX_MESSAGE_ID = 0xffff;
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
  #maxFragmentBytes = 0;
  #messageId = 0;
  #opening: PromiseWithResolvers<void> | undefined;
  #releasing: PromiseWithResolvers<void> | undefined;
  #operation: PendingOperation | undefined;
  #timer: NodeJS.Timeout | undefined;
  #whenDrained: (() => void) | undefined;

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
    this.#assembler = new MessageAssembler({
      command: (command, contextId) => this.#receive(command, contextId),
      dataSetSlice: () => undefined,
      dataSetEnded: () => undefined,
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
    const operation = this.#begin(COMMAND_FIELD.cEchoRq);
    const command = this.#command(operation, { affectedSopClassUid: VERIFICATION_SOP_CLASS, commandDataSetType: NO_DATA_SET });
    this.#connection.sendData([encodeCommand(contextId, command, this.#maxFragmentBytes)]);
    operation.sent();
    return operation.answer;
  }

  async store(store: StoreOperation): Promise<DimseStatus> {
    return this.#sendWithDataSet(COMMAND_FIELD.cStoreRq, store, { priority: store.priority ?? 0 });
  }

  async reportEvent(event: EventReportOperation): Promise<DimseStatus> {
    return this.#sendWithDataSet(COMMAND_FIELD.nEventReportRq, event, { eventTypeId: event.eventTypeId });
  }

  #sendWithDataSet(commandField: number, message: OutgoingMessage, fields: CommandFields): Promise<DimseStatus> {
    if (!this.#accepted.has(message.contextId)) throw new Error(`presentation context ${message.contextId} was not accepted`);
    const operation = this.#begin(commandField);
    const { sopClassUid: affectedSopClassUid, sopInstanceUid: affectedSopInstanceUid } = message;
    const about = { affectedSopClassUid, affectedSopInstanceUid, ...fields, commandDataSetType: DATA_SET_FOLLOWS };
    const command = this.#command(operation, about);
    // Not awaited: the loss of the association must come out although the data set's source may hang.
    void this.#send(operation, message, command).catch((error: unknown) => this.#sourceFailed(operation, error));
    return operation.answer;
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
    this.#maxFragmentBytes = maxFragmentBytes(accept.maxPduBytes);
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
    this.#operation?.progress();
    this.#wakeSender();
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
    this.#operation?.fail(lost);
    this.#wakeSender();
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

  #begin(commandField: number): PendingOperation {
    if (!this.open) throw new AssociationLost('the association is over');
    if (this.#operation !== undefined) throw new Error('one operation at a time on an association');
    this.#messageId = this.#messageId === MAX_MESSAGE_ID ? 1 : this.#messageId + 1;
    const { responseMs } = this.#options.timeouts;
    const operation = new PendingOperation({
      messageId: this.#messageId,
      commandField,
      limitMs: responseMs,
      lastReadAt: () => this.#connection.lastReadAt,
      onSilence: () => this.#connection.abort({ kind: 'timed-out', detail: `no answer and no progress for ${responseMs} ms` }),
      onSettled: () => {
        this.#operation = undefined;
      },
    });
    this.#operation = operation;
    return operation;
  }

  #command(operation: PendingOperation, fields: CommandFields): Buffer {
    return encodeCommandSet({ commandField: operation.commandField, messageId: operation.messageId, ...fields });
  }

  async #send(operation: PendingOperation, store: OutgoingMessage, command: Buffer): Promise<void> {
    const packer = new DataSetPacker(store.contextId, this.#maxFragmentBytes);
    // The command leaves with the first full PDV, so that a small instance is one system call.
    let unsent: Buffer[] = [encodeCommand(store.contextId, command, this.#maxFragmentBytes)];
    operation.waitsForSource = true;
    for await (const chunk of store.dataSet) {
      if (operation.isSettled) return;
      const pdus = packer.add(chunk);
      if (pdus.length === 0) continue;
      await this.#write(operation, unsent.concat(pdus));
      unsent = [];
      if (operation.isSettled) return;
    }
    await this.#write(operation, unsent.concat(packer.end()));
    operation.sent();
  }

  async #write(operation: PendingOperation, parts: Buffer[]): Promise<void> {
    if (operation.isSettled) return;
    operation.waitsForSource = false;
    if (!this.#connection.sendData(parts)) await this.#drain();
    operation.waitsForSource = true;
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      this.#whenDrained = resolve;
    });
  }

  #wakeSender(): void {
    this.#whenDrained?.();
    this.#whenDrained = undefined;
  }

  #sourceFailed(operation: PendingOperation, error: unknown): void {
    operation.fail(error);
    this.#connection.abort({ kind: 'aborted-by-us', detail: 'the data set could not be read' });
  }

  /** Throws PduError if the answer is not to our request. */
  #receive(command: CommandSet, contextId: number): void {
    const field = command.number('commandField') as number;
    if ((field & RESPONSE_BIT) === 0) {
      this.#refuseRequest(command, contextId);
      return;
    }
    const messageId = command.number('messageIdBeingRespondedTo');
    const operation = this.#operation;
    if (operation === undefined || messageId !== operation.messageId || field !== (operation.commandField | RESPONSE_BIT)) {
      throw new PduError(6, `response ${field.toString(16)} to message ${messageId}, which is not under way`);
    }
    const status = command.number('status');
    if (status === undefined) throw new PduError(6, 'response without a status');
    operation.answered(statusOf(command, status));
  }

  /** No peer may request anything on our own associations. */
  #refuseRequest(command: CommandSet, contextId: number): void {
    const messageId = command.number('messageId');
    const field = command.number('commandField') as number;
    if (messageId === undefined || field === COMMAND_FIELD.cCancelRq) return;
    const response = encodeCommandSet({
      commandField: field | RESPONSE_BIT,
      messageIdBeingRespondedTo: messageId,
      commandDataSetType: NO_DATA_SET,
      status: STATUS.unrecognizedOperation,
    });
    this.#connection.sendData([encodeCommand(contextId, response, this.#maxFragmentBytes)]);
  }
}

function statusOf(command: CommandSet, status: number): DimseStatus {
  const comment = command.text('errorComment');
  const offendingElements = command.tags('offendingElement');
  return { status, ...(comment === '' ? {} : { comment }), ...(offendingElements.length === 0 ? {} : { offendingElements }) };
}
