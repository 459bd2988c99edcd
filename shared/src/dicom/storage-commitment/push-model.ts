// The Storage Commitment Push Model SOP Class: its identifiers and codes (PS3.4 section J.3, PS3.3 section C.14.1.1).

export const STORAGE_COMMITMENT_PUSH_MODEL = '1.2.840.10008.1.20.1';
/** The one, well-known instance of it (PS3.4 section J.3.5). */
export const STORAGE_COMMITMENT_INSTANCE = '1.2.840.10008.1.20.1.1';

/** PS3.4 table J.3-1. */
export const REQUEST_STORAGE_COMMITMENT = 1;

/** PS3.4 table J.3-2. */
export const EVENT_TYPE = { allCommitted: 1, failuresExist: 2 } as const;

/** (0008,1197), PS3.3 section C.14.1.1. */
export const FAILURE_REASON = {
  processingFailure: 0x0110,
  noSuchObjectInstance: 0x0112,
  classInstanceConflict: 0x0119,
  sopClassNotSupported: 0x0122,
  duplicateTransactionUid: 0x0131,
  resourceLimitation: 0x0213,
} as const;
export type FailureReason = (typeof FAILURE_REASON)[keyof typeof FAILURE_REASON];

export const TAG = {
  transactionUid: 0x00081195,
  failureReason: 0x00081197,
  failedSopSequence: 0x00081198,
  referencedSopSequence: 0x00081199,
  referencedSopClassUid: 0x00081150,
  referencedSopInstanceUid: 0x00081155,
} as const;

export interface SopReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** A reference that is not committed. */
export interface FailedReference extends SopReference {
  readonly reason: FailureReason;
}
