// An N-EVENT-REPORT-RQ as it came (PS3.7 section 10.3.1).
import type { CommandSet } from './command-set.ts';
import type { AcceptedContext } from './context-answers.ts';
import type { DataSetSink, DimseStatus } from './scp.ts';

/** UIDs as sent, padding trimmed; '' or undefined: missing. */
export interface NEventReportRequest {
  readonly messageId: number;
  readonly contextId: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  readonly affectedSopClassUid: string;
  readonly affectedSopInstanceUid: string;
  readonly eventTypeId: number | undefined;
  /** Whether event information follows; a sink for a request without any is ended at once. */
  readonly hasDataSet: boolean;
}

/** What the sink resolves with becomes the N-EVENT-REPORT-RSP. Must not throw. */
export type EventReported = (request: NEventReportRequest) => DataSetSink | DimseStatus;

export function eventRequestOf(
  command: CommandSet,
  contextId: number,
  context: AcceptedContext & { hasDataSet: boolean },
): NEventReportRequest {
  return {
    messageId: command.number('messageId') as number,
    contextId,
    ...context,
    affectedSopClassUid: command.text('affectedSopClassUid'),
    affectedSopInstanceUid: command.text('affectedSopInstanceUid'),
    eventTypeId: command.number('eventTypeId'),
  };
}
