// Reads the action information of a storage commitment request: transaction UID and references (PS3.4 table J.3-1).
import { CommitmentDataSet, invalid } from './commitment-data-set.ts';
import { type SopReference, TAG } from './push-model.ts';

export interface ActionInformation {
  readonly transactionUid: string;
  /** As they came, repeats included; at least one. */
  readonly references: SopReference[];
}

/** `bytes`: the whole data set, in implicit or explicit VR little endian. Throws CommitmentDataError and nothing else. */
export function readActionInformation(bytes: Buffer, transferSyntaxUid: string, maxReferences: number): ActionInformation {
  const dataSet = new CommitmentDataSet(bytes, maxReferences);
  let transactionUid: string | undefined;
  let hasSequence = false;
  const references: SopReference[] = [];
  dataSet.walk(transferSyntaxUid, (tag, value) => {
    if (tag === TAG.transactionUid) transactionUid = dataSet.uid(value, tag);
    if (tag !== TAG.referencedSopSequence) return undefined;
    hasSequence = true;
    return dataSet.references(value, references);
  });
  if (transactionUid === undefined) throw invalid('no Transaction UID', TAG.transactionUid);
  if (!hasSequence) throw invalid('no Referenced SOP Sequence', TAG.referencedSopSequence);
  if (references.length === 0) throw invalid('the Referenced SOP Sequence is empty', TAG.referencedSopSequence);
  return { transactionUid, references };
}
