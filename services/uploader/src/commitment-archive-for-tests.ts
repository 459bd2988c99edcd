// A DIMSE archive that is asked to commit to what it stored, and answers on the association of the request: at once, in part, badly, or not at all.
import { createScp, type DataSetSink, type EventReporter, type NActionRequest } from '@causeway/shared/dicom/dimse/scp';
import { type ActionInformation, readActionInformation } from '@causeway/shared/dicom/storage-commitment/action-information';
import { encodeEventInformation, eventTypeOf } from '@causeway/shared/dicom/storage-commitment/event-information';
import {
  type FailureReason,
  type SopReference,
  STORAGE_COMMITMENT_INSTANCE,
  STORAGE_COMMITMENT_PUSH_MODEL,
} from '@causeway/shared/dicom/storage-commitment/push-model';

export interface CommitmentArchive {
  readonly port: number;
  /** SOP Instance UIDs in the order they came, repeats included. */
  readonly stored: string[];
  readonly requests: ActionInformation[];
  /** Of N-EVENT-REPORTs, as they were answered. */
  readonly heard: number[];
  /** Whether it takes the presentation context of storage commitment. */
  offers: boolean;
  /** Of the N-ACTION-RSP. */
  actionStatus: number;
  answers: boolean;
  /** Why it does not commit to a reference; undefined: it does. */
  failure: (reference: SopReference) => FailureReason | undefined;
  /** Answers requests that it left open. */
  answerNow(): Promise<void>;
  close(): Promise<void>;
}

export async function startCommitmentArchive(): Promise<CommitmentArchive> {
  const open: (() => Promise<void>)[] = [];
  const archive = {
    ...{ stored: [] as string[], requests: [] as ActionInformation[], heard: [] as number[] },
    ...{ offers: true, actionStatus: 0, answers: true },
    failure: (_: SopReference): FailureReason | undefined => undefined,
    answerNow: async (): Promise<void> => void (await Promise.all(open.splice(0).map((answer) => answer()))),
  };
  const report = async (reporter: EventReporter, { transactionUid, references }: ActionInformation): Promise<void> => {
    const judged = references.map((reference) => ({ ...reference, reason: archive.failure(reference) }));
    const committed = judged.filter(({ reason }) => reason === undefined);
    const failed = judged.flatMap(({ reason, ...reference }) => (reason === undefined ? [] : [{ ...reference, reason }]));
    const result = { transactionUid, committed, failed };
    const event = { affectedSopClassUid: STORAGE_COMMITMENT_PUSH_MODEL, affectedSopInstanceUid: STORAGE_COMMITMENT_INSTANCE };
    const dataSet = (syntax: string): Buffer => encodeEventInformation(result, syntax);
    // A requestor that was killed hears nothing.
    const answer = await reporter.report({ ...event, eventTypeId: eventTypeOf(result), dataSet }, 10_000).catch(() => undefined);
    if (answer !== undefined) archive.heard.push(answer.status);
  };
  const scp = createScp({
    handlers: {
      associationRequested: ({ contexts }) => ({
        contexts: contexts.map(({ id, abstractSyntaxUid, transferSyntaxUids }) => ({
          id,
          result: abstractSyntaxUid === STORAGE_COMMITMENT_PUSH_MODEL && !archive.offers ? 3 : 0,
          transferSyntaxUid: transferSyntaxUids[0]!,
        })),
      }),
      storeRequested: (_, { affectedSopInstanceUid }) =>
        sinkOf(() => {
          archive.stored.push(affectedSopInstanceUid);
          return 0;
        }),
      actionRequested: (_, request, reporter) =>
        sinkOf((bytes) => {
          if (archive.actionStatus !== 0) return archive.actionStatus;
          const information = informationOf(request, bytes);
          archive.requests.push(information);
          const answer = (): Promise<void> => report(reporter, information);
          if (archive.answers) void answer();
          else open.push(answer);
          return 0;
        }),
    },
    limits: () => ({ associations: 20, associationsPerSource: 20, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 5_000 }),
    implementation: { classUid: '1.2.3', versionName: 'ARCHIVE' },
    report: () => {},
  });
  const { port } = await scp.listen({ id: 'archive', host: '127.0.0.1', port: 0 });
  return Object.assign(archive, { port, close: () => scp.drain(0) });
}

const informationOf = ({ transferSyntaxUid }: NActionRequest, bytes: Buffer): ActionInformation =>
  readActionInformation(bytes, transferSyntaxUid, 1000);

function sinkOf(end: (bytes: Buffer) => number): DataSetSink {
  const chunks: Buffer[] = [];
  return {
    write: (chunk) => void chunks.push(Buffer.from(chunk)),
    end: async () => ({ status: end(Buffer.concat(chunks)) }),
    abort: () => {},
  };
}
