// The operations of one accepted association: C-ECHO, C-STORE, N-ACTION, N-EVENT-REPORT, and a defined answer to everything else (PS3.7 sections 9.3 and 10.3).
import { PduError } from '../upper-layer/pdu-reader.ts';
import { encodeCommand } from '../upper-layer/pdu-writer.ts';
import { COMMAND_FIELD, NO_DATA_SET, RESPONSE_BIT } from './command-elements.ts';
import { type CommandSet, encodeCommandSet } from './command-set.ts';
import { type AcceptedContext, acceptedContexts } from './context-answers.ts';
import { EventReports } from './event-report.ts';
import { eventRequestOf } from './event-request.ts';
import { maxFragmentBytes } from './fragment-size.ts';
import { OperationTally } from './operation-tally.ts';
import type { AcceptedAssociation, CStoreRequest, DataSetSink, DimseStatus, NActionRequest, ScpEventKind, ScpHandlers } from './scp.ts';
import { errorCommentOf, STATUS } from './statuses.ts';
import { StoreReception } from './store-reception.ts';

export interface OperationHost {
  send(pdus: Buffer): void;
  /** Nothing more is read until the promise, which never rejects, is settled. */
  owe(promise: Promise<void>): void;
  report(kind: ScpEventKind, detail: string): void;
}

export interface ScpOperationsOptions {
  readonly association: AcceptedAssociation;
  readonly handlers: ScpHandlers;
  readonly host: OperationHost;
}

const INVALID_PARAMETER = 6;
/** PS3.5 section 9.1. */
const MAX_UID_CHARACTERS = 64;
const AFFECTED_SOP_CLASS_TAG = 0x00000002;
const AFFECTED_SOP_INSTANCE_TAG = 0x00001000;

/** What to do when the message is complete. `status`: the answer is known; with a reception it is the sink's. Neither: no answer. */
interface Operation {
  readonly command: CommandSet;
  readonly contextId: number;
  readonly status?: DimseStatus;
  readonly reception?: StoreReception;
}

export class ScpOperations {
  readonly #options: ScpOperationsOptions;
  readonly #contexts: ReadonlyMap<number, AcceptedContext>;
  readonly #maxFragmentBytes: number;
  readonly #events: EventReports;
  readonly tally = new OperationTally();
  #operation: Operation | undefined;

  constructor(options: ScpOperationsOptions) {
    this.#options = options;
    const { request, contexts } = options.association;
    this.#contexts = acceptedContexts(request.contexts, contexts);
    this.#maxFragmentBytes = maxFragmentBytes(request.maxPduBytes);
    this.#events = new EventReports({
      maxFragmentBytes: this.#maxFragmentBytes,
      send: (pdus) => options.host.send(pdus),
      isBusy: () => this.#operation !== undefined,
    });
  }

  /** Throws PduError for a context that was not accepted and for a request that cannot be answered. */
  begin(command: CommandSet, contextId: number, hasDataSet: boolean): void {
    const context = this.#contexts.get(contextId);
    if (context === undefined) throw new PduError(INVALID_PARAMETER, `message on context ${contextId}, which was not accepted`);
    this.#operation = this.#operationFor(command, contextId, hasDataSet ? context : undefined);
    if (!hasDataSet) this.#finish();
  }

  dataSetSlice(slice: Buffer): void {
    this.tally.dataSetBytes(this.#operation?.command.number('commandField'), slice.length);
    const written = this.#operation?.reception?.write(slice);
    if (written !== undefined) this.#options.host.owe(written);
  }

  dataSetEnded(): void {
    this.#finish();
  }

  /** The association is over. */
  abort(reason: Error): void {
    this.#operation?.reception?.abort(reason);
    this.#operation = undefined;
    this.#events.end(reason);
  }

  /** `context`: of the data set that follows, if one does. */
  #operationFor(command: CommandSet, contextId: number, context: AcceptedContext | undefined): Operation {
    const field = command.number('commandField') as number;
    if (field === COMMAND_FIELD.cCancelRq) return { command, contextId };
    if ((field & RESPONSE_BIT) !== 0) {
      if (this.#events.answered(command)) return { command, contextId };
      this.#options.host.report('unexpected-response', `command field ${field.toString(16)} without a request of ours`);
      return { command, contextId };
    }
    if (command.number('messageId') === undefined) throw new PduError(INVALID_PARAMETER, 'request without a message id');
    if (field === COMMAND_FIELD.cEchoRq) return { command, contextId, status: { status: STATUS.success } };
    if (field === COMMAND_FIELD.cStoreRq) return this.#store(command, contextId, context);
    if (field === COMMAND_FIELD.nActionRq) return this.#action(command, contextId, context !== undefined);
    if (field === COMMAND_FIELD.nEventReportRq) return this.#event(command, contextId, context !== undefined);
    return { command, contextId, status: { status: STATUS.unrecognizedOperation } };
  }

  #store(command: CommandSet, contextId: number, context: AcceptedContext | undefined): Operation {
    const refusal = refuseStore(command, context !== undefined);
    if (refusal !== undefined || context === undefined) return { command, contextId, ...(refusal && { status: refusal }) };
    const { handlers, association } = this.#options;
    const request = storeRequestOf(command, contextId, context);
    const answer = this.#ask('storeRequested', STATUS.outOfResources, () => handlers.storeRequested(association, request));
    return this.#received({ command, contextId }, answer, STATUS.outOfResources);
  }

  #action(command: CommandSet, contextId: number, hasDataSet: boolean): Operation {
    const { handlers, association } = this.#options;
    const context = this.#contexts.get(contextId) as AcceptedContext;
    if (handlers.actionRequested === undefined) return { command, contextId, status: { status: STATUS.unrecognizedOperation } };
    const request = actionRequestOf(command, contextId, { ...context, hasDataSet });
    const reporter = this.#events.reporterOn({ id: contextId, transferSyntaxUid: context.transferSyntaxUid });
    const answer = this.#ask('actionRequested', STATUS.processingFailure, () => handlers.actionRequested!(association, request, reporter));
    return this.#received({ command, contextId }, answer, STATUS.processingFailure);
  }

  #event(command: CommandSet, contextId: number, hasDataSet: boolean): Operation {
    const { handlers, association } = this.#options;
    const context = this.#contexts.get(contextId) as AcceptedContext;
    if (handlers.eventReported === undefined) return { command, contextId, status: { status: STATUS.unrecognizedOperation } };
    const request = eventRequestOf(command, contextId, { ...context, hasDataSet });
    const answer = this.#ask('eventReported', STATUS.processingFailure, () => handlers.eventReported!(association, request));
    return this.#received({ command, contextId }, answer, STATUS.processingFailure);
  }

  #ask(handler: string, failure: number, ask: () => DataSetSink | DimseStatus): DataSetSink | DimseStatus {
    try {
      return ask();
    } catch (error) {
      this.#options.host.report('internal-error', `${handler}: ${String(error)}`);
      return { status: failure, comment: 'the request could not be processed, send again' };
    }
  }

  /** `failure`: the status of a data set that could not be kept. */
  #received(operation: Operation, answer: DataSetSink | DimseStatus, failure: number): Operation {
    if (!isSink(answer)) return { ...operation, status: answer };
    const report = (what: string, error: unknown) => this.#options.host.report('store-failed', `${what}: ${String(error)}`);
    return { ...operation, reception: new StoreReception(answer, report, failure) };
  }

  #finish(): void {
    const operation = this.#operation;
    if (operation === undefined) return;
    if (operation.reception !== undefined) this.#options.host.owe(this.#endReception(operation, operation.reception));
    else if (operation.status !== undefined) this.#respond(operation, operation.status);
    else this.#done();
  }

  async #endReception(operation: Operation, reception: StoreReception): Promise<void> {
    const status = await reception.end();
    if (status !== undefined) this.#respond(operation, status);
  }

  #done(): void {
    this.#operation = undefined;
    this.#events.next();
  }

  /** PS3.7 tables 9.3-2 (C-STORE-RSP), 9.3-13 (C-ECHO-RSP), 10.3-2 (N-EVENT-REPORT-RSP) and 10.3-6 (N-ACTION-RSP): one command set, no data set. */
  #respond(operation: Operation, status: DimseStatus): void {
    const { command, contextId } = operation;
    this.tally.responded(command.number('commandField') as number, status.status & 0xffff);
    const response = encodeCommandSet({
      affectedSopClassUid: echoedUid(command, 'affectedSopClassUid') ?? echoedUid(command, 'requestedSopClassUid'),
      commandField: (command.number('commandField') as number) | RESPONSE_BIT,
      messageIdBeingRespondedTo: command.number('messageId'),
      commandDataSetType: NO_DATA_SET,
      status: status.status & 0xffff,
      offendingElement: status.offendingElements,
      errorComment: errorCommentOf(status),
      affectedSopInstanceUid: echoedUid(command, 'affectedSopInstanceUid') ?? echoedUid(command, 'requestedSopInstanceUid'),
      actionTypeId: command.number('actionTypeId'),
      eventTypeId: command.number('eventTypeId'),
    });
    this.#options.host.send(encodeCommand(contextId, response, this.#maxFragmentBytes));
    this.#done();
  }
}

function refuseStore(command: CommandSet, hasDataSet: boolean): DimseStatus | undefined {
  if (!hasDataSet) return { status: STATUS.cannotUnderstand, comment: 'C-STORE-RQ without a data set' };
  if (echoedUid(command, 'affectedSopClassUid') === undefined) {
    return {
      status: STATUS.dataSetDoesNotMatchSopClass,
      comment: 'no Affected SOP Class UID',
      offendingElements: [AFFECTED_SOP_CLASS_TAG],
    };
  }
  if (echoedUid(command, 'affectedSopInstanceUid') === undefined) {
    return {
      status: STATUS.dataSetDoesNotMatchSopClass,
      comment: 'no Affected SOP Instance UID',
      offendingElements: [AFFECTED_SOP_INSTANCE_TAG],
    };
  }
  return undefined;
}

function storeRequestOf(command: CommandSet, contextId: number, context: AcceptedContext): CStoreRequest {
  const moveOriginatorAe = command.text('moveOriginatorAe');
  return {
    messageId: command.number('messageId') as number,
    contextId,
    ...context,
    affectedSopClassUid: command.text('affectedSopClassUid'),
    affectedSopInstanceUid: command.text('affectedSopInstanceUid'),
    priority: command.number('priority') ?? 0,
    ...(moveOriginatorAe === '' ? {} : { moveOriginatorAe }),
  };
}

function actionRequestOf(command: CommandSet, contextId: number, context: AcceptedContext & { hasDataSet: boolean }): NActionRequest {
  return {
    messageId: command.number('messageId') as number,
    contextId,
    ...context,
    requestedSopClassUid: command.text('requestedSopClassUid'),
    requestedSopInstanceUid: command.text('requestedSopInstanceUid'),
    actionTypeId: command.number('actionTypeId'),
  };
}

type UidElement = 'affectedSopClassUid' | 'affectedSopInstanceUid' | 'requestedSopClassUid' | 'requestedSopInstanceUid';

/** As it came; `undefined` if it is missing or too long to be a UID. */
function echoedUid(command: CommandSet, name: UidElement): string | undefined {
  const uid = command.text(name);
  return uid === '' || uid.length > MAX_UID_CHARACTERS ? undefined : uid;
}

function isSink(answer: DataSetSink | DimseStatus): answer is DataSetSink {
  return 'write' in answer;
}
