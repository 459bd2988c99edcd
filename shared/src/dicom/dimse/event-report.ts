// N-EVENT-REPORTs that an accepted association sends to its requestor: one at a time, between two of the peer's own operations (PS3.7 section 10.1.1).
import { encodeCommand } from '../upper-layer/pdu-writer.ts';
import { AssociationLost } from './association-errors.ts';
import { COMMAND_FIELD, DATA_SET_FOLLOWS } from './command-elements.ts';
import { type CommandSet, encodeCommandSet } from './command-set.ts';
import { DataSetPacker } from './data-set-packer.ts';
import type { DimseStatus } from './scp.ts';

export interface EventReport {
  readonly affectedSopClassUid: string;
  readonly affectedSopInstanceUid: string;
  readonly eventTypeId: number;
  /** The event information in the transfer syntax of the context; whole, because it must not be interleaved with our responses (PS3.8 Annex E). */
  readonly dataSet: (transferSyntaxUid: string) => Buffer;
}

export interface EventReporter {
  readonly isOpen: boolean;
  /** The status of the N-EVENT-REPORT-RSP. Rejects with AssociationLost when the association ends first, and when no response comes within `limitMs`. */
  report(event: EventReport, limitMs: number): Promise<DimseStatus>;
}

export interface EventReportsOptions {
  readonly maxFragmentBytes: number;
  readonly send: (pdus: Buffer) => void;
  /** Whether a request of the peer is being answered: requestors that wait for a response take no request meanwhile. */
  readonly isBusy: () => boolean;
}

interface Waiting {
  readonly event: EventReport;
  readonly context: { readonly id: number; readonly transferSyntaxUid: string };
  readonly result: PromiseWithResolvers<DimseStatus>;
  messageId?: number;
}

const MAX_MESSAGE_ID = 0xffff;

/** The notifications of one association. */
export class EventReports {
  readonly #options: EventReportsOptions;
  #waiting: Waiting[] = [];
  #messageId = 0;
  #isOver = false;

  constructor(options: EventReportsOptions) {
    this.#options = options;
  }

  reporterOn(context: Waiting['context']): EventReporter {
    const isOpen = (): boolean => !this.#isOver;
    return {
      get isOpen() {
        return isOpen();
      },
      report: (event, limitMs) => this.#report({ event, context, result: Promise.withResolvers() }, limitMs),
    };
  }

  /** Sends the first of what waits, unless one is under way or the peer is being served. */
  next(): void {
    const [first] = this.#waiting;
    if (first === undefined || first.messageId !== undefined || this.#isOver || this.#options.isBusy()) return;
    this.#messageId = this.#messageId === MAX_MESSAGE_ID ? 1 : this.#messageId + 1;
    first.messageId = this.#messageId;
    this.#options.send(this.#encode(first, this.#messageId));
  }

  /** True if the response is to the notification under way. */
  answered(command: CommandSet): boolean {
    const [first] = this.#waiting;
    const status = command.number('status');
    const isMine = first?.messageId !== undefined && first.messageId === command.number('messageIdBeingRespondedTo');
    if (!isMine || command.number('commandField') !== COMMAND_FIELD.nEventReportRsp || status === undefined) return false;
    this.#waiting.shift();
    const comment = command.text('errorComment');
    first.result.resolve({ status, ...(comment === '' ? {} : { comment }) });
    this.next();
    return true;
  }

  end(reason: Error): void {
    this.#isOver = true;
    for (const { result } of this.#waiting.splice(0)) result.reject(new AssociationLost(reason.message));
  }

  #report(waiting: Waiting, limitMs: number): Promise<DimseStatus> {
    if (this.#isOver) return Promise.reject(new AssociationLost('the association is over'));
    const limit = setTimeout(() => this.#giveUp(waiting, limitMs), limitMs);
    this.#waiting.push(waiting);
    this.next();
    return waiting.result.promise.finally(() => clearTimeout(limit));
  }

  /** One that is under way keeps its place: its response may still come, and is then dropped. */
  #giveUp(waiting: Waiting, limitMs: number): void {
    if (waiting.messageId === undefined) this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.result.reject(new AssociationLost(`no response to the N-EVENT-REPORT within ${limitMs} ms`));
  }

  #encode({ event, context }: Waiting, messageId: number): Buffer {
    const { maxFragmentBytes } = this.#options;
    const command = encodeCommandSet({
      affectedSopClassUid: event.affectedSopClassUid,
      commandField: COMMAND_FIELD.nEventReportRq,
      messageId,
      commandDataSetType: DATA_SET_FOLLOWS,
      affectedSopInstanceUid: event.affectedSopInstanceUid,
      eventTypeId: event.eventTypeId,
    });
    const packer = new DataSetPacker(context.id, maxFragmentBytes);
    const dataSet = event.dataSet(context.transferSyntaxUid);
    return Buffer.concat([encodeCommand(context.id, command, maxFragmentBytes), ...packer.add(dataSet), ...packer.end()]);
  }
}
