// Reads the event information of a storage commitment result: transaction UID, what is committed, and what is not (PS3.4 table J.3-2).
import { CommitmentDataSet, invalid, type ReadReference } from './commitment-data-set.ts';
import { FAILURE_REASON, type SopReference, TAG } from './push-model.ts';

export interface ReportedReference extends SopReference {
  /** Failure Reason (0008,1197) as the provider said it: any number. */
  readonly reason: number;
}

export interface EventInformation {
  readonly transactionUid: string;
  readonly committed: SopReference[];
  /** What the provider says is committed and failed at once is here. */
  readonly failed: ReportedReference[];
}

/**
 * `bytes`: the whole data set, in implicit or explicit VR little endian. A failed reference without a reason has 0110. Throws CommitmentDataError and nothing else.
 */
export function readEventInformation(bytes: Buffer, transferSyntaxUid: string, maxReferences: number): EventInformation {
  const dataSet = new CommitmentDataSet(bytes, maxReferences);
  let transactionUid: string | undefined;
  const read = { committed: [] as ReadReference[], failed: [] as ReadReference[] };
  dataSet.walk(transferSyntaxUid, (tag, value) => {
    if (tag === TAG.transactionUid) transactionUid = dataSet.uid(value, tag);
    if (tag === TAG.referencedSopSequence) return dataSet.references(value, read.committed);
    if (tag === TAG.failedSopSequence) return dataSet.references(value, read.failed);
    return undefined;
  });
  if (transactionUid === undefined) throw invalid('no Transaction UID', TAG.transactionUid);
  const failed = read.failed.map((one) => ({ ...one, reason: one.reason ?? FAILURE_REASON.processingFailure }));
  const failedUids = new Set(failed.map(({ sopInstanceUid }) => sopInstanceUid));
  const committed = read.committed
    .filter(({ sopInstanceUid }) => !failedUids.has(sopInstanceUid))
    .map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid }));
  return { transactionUid, committed, failed };
}
