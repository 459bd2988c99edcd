// Whether one SOP instance is safe, by what the ledger knows of its receipts. What "safe" means is said in CONFORMANCE.md, storage commitment.
import type { KeptReceipt } from '@causeway/shared/database/safekeeping';
import { FAILURE_REASON, type FailureReason } from '@causeway/shared/dicom/storage-commitment/push-model';

export interface JudgedBy {
  readonly after: 'custody' | 'delivered';
  readonly callingAe: string;
  readonly sopClassUid: string;
  /** Whether the object is really in the store; asked only where that decides. */
  readonly isThere: (receipt: KeptReceipt) => Promise<boolean>;
}

/** `unknown`: no receipt of it (yet); `pending`: not yet what was asked for. */
export type Judgement = 'safe' | 'pending' | 'unknown' | FailureReason;

/**
 * Of several receipts those of the requestor itself count, if there are any. Receipts of the same content are one: one of them must be safe. Receipts of
 * different content under one UID must all be: nobody knows which of them the requestor means.
 */
export async function judgeReference(receipts: readonly KeptReceipt[], by: JudgedBy): Promise<Judgement> {
  if (receipts.length === 0) return 'unknown';
  const ofClass = receipts.filter(({ sopClassUid }) => sopClassUid === by.sopClassUid);
  if (ofClass.length === 0) return FAILURE_REASON.classInstanceConflict;
  const own = ofClass.filter(({ callingAe }) => callingAe === by.callingAe);
  const contents = Map.groupBy(own.length > 0 ? own : ofClass, ({ digest }) => digest);
  const judgements = await Promise.all([...contents.values()].map((same) => judgeContent(same, by)));
  return judgements.find((one) => typeof one === 'number') ?? (judgements.includes('pending') ? 'pending' : 'safe');
}

async function judgeContent(receipts: readonly KeptReceipt[], by: JudgedBy): Promise<Judgement> {
  const judgements = await Promise.all(receipts.map((receipt) => judgeReceipt(receipt, by)));
  if (judgements.includes('safe')) return 'safe';
  return judgements.includes('pending') ? 'pending' : judgements[0]!;
}

async function judgeReceipt(receipt: KeptReceipt, by: JudgedBy): Promise<Judgement> {
  if (isDelivered(receipt)) return 'safe';
  // An operator gave it up: it will be deleted here, and is not where it should have gone.
  if (receipt.state === 'discarded' || receipt.objectDeleted) return FAILURE_REASON.noSuchObjectInstance;
  if (receipt.givenUp > 0) return FAILURE_REASON.processingFailure;
  if (by.after === 'delivered') return 'pending';
  return (await by.isThere(receipt)) ? 'safe' : FAILURE_REASON.noSuchObjectInstance;
}

/** Every destination that the rules require has confirmed it. The object here may be gone by then: the archive has it. */
const isDelivered = ({ state, routed, deliveries, confirmed }: KeptReceipt): boolean =>
  state === 'routed' && routed && deliveries > 0 && confirmed === deliveries;
