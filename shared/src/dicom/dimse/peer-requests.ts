// What a peer requests on an association that we opened: N-EVENT-REPORTs where somebody takes them (PS3.7 section 10.3.1), nothing else.
import { COMMAND_FIELD, NO_DATA_SET, RESPONSE_BIT } from './command-elements.ts';
import { type CommandSet, encodeCommandSet } from './command-set.ts';
import type { AcceptedContext } from './context-answers.ts';
import { type EventReported, eventRequestOf } from './event-request.ts';
import type { DimseStatus } from './scp.ts';
import { errorCommentOf, STATUS } from './statuses.ts';
import { StoreReception } from './store-reception.ts';

export interface PeerRequestsOptions {
  readonly eventReported: EventReported | undefined;
  readonly context: (contextId: number) => AcceptedContext | undefined;
  readonly respond: (contextId: number, command: Buffer) => void;
}

interface Request {
  readonly command: CommandSet;
  readonly contextId: number;
  readonly status?: DimseStatus;
  readonly reception?: StoreReception;
}

export class PeerRequests {
  readonly #options: PeerRequestsOptions;
  /** Whose data set is coming. */
  #request: Request | undefined;

  constructor(options: PeerRequestsOptions) {
    this.#options = options;
  }

  begin(command: CommandSet, contextId: number, hasDataSet: boolean): void {
    this.#request = this.#requestOf(command, contextId, hasDataSet);
    if (!hasDataSet) this.ended();
  }

  dataSetSlice(slice: Buffer): void {
    void this.#request?.reception?.write(slice);
  }

  /** The message is complete. */
  ended(): void {
    const request = this.#request;
    this.#request = undefined;
    if (request?.status !== undefined) this.#respond(request, request.status);
    if (request?.reception !== undefined) void this.#endReception(request, request.reception);
  }

  /** The association is over. */
  abort(reason: Error): void {
    this.#request?.reception?.abort(reason);
    this.#request = undefined;
  }

  #requestOf(command: CommandSet, contextId: number, hasDataSet: boolean): Request | undefined {
    const field = command.number('commandField') as number;
    if (command.number('messageId') === undefined || field === COMMAND_FIELD.cCancelRq) return undefined;
    const { eventReported } = this.#options;
    const context = this.#options.context(contextId);
    if (field !== COMMAND_FIELD.nEventReportRq || eventReported === undefined || context === undefined)
      return { command, contextId, status: { status: STATUS.unrecognizedOperation } };
    const answer = eventReported(eventRequestOf(command, contextId, { ...context, hasDataSet }));
    if ('status' in answer) return { command, contextId, status: answer };
    return { command, contextId, reception: new StoreReception(answer, () => {}, STATUS.processingFailure) };
  }

  async #endReception(request: Request, reception: StoreReception): Promise<void> {
    const status = await reception.end();
    if (status !== undefined) this.#respond(request, status);
  }

  /** PS3.7 table 10.3-2: no reply is ever part of it. */
  #respond({ command, contextId }: Request, status: DimseStatus): void {
    const response = encodeCommandSet({
      ...echoed(command),
      commandField: (command.number('commandField') as number) | RESPONSE_BIT,
      messageIdBeingRespondedTo: command.number('messageId'),
      commandDataSetType: NO_DATA_SET,
      status: status.status,
      errorComment: errorCommentOf(status),
    });
    this.#options.respond(contextId, response);
  }
}

/** What an N-EVENT-REPORT-RSP repeats of its request. */
function echoed(command: CommandSet) {
  if (command.number('commandField') !== COMMAND_FIELD.nEventReportRq) return {};
  return {
    affectedSopClassUid: command.text('affectedSopClassUid') || undefined,
    affectedSopInstanceUid: command.text('affectedSopInstanceUid') || undefined,
    eventTypeId: command.number('eventTypeId'),
  };
}
