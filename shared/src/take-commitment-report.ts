// The answer of an archive to a commitment that it was asked for, wherever its N-EVENT-REPORT comes in (PS3.4 section J.3.3): each reference is written down, and only
// then is it answered 0000. Who waits for it looks there.
import type { AskedCommitments } from './bus/asked-commitments.ts';
import type { DataSetSink, DimseStatus, NEventReportRequest } from './dicom/dimse/scp.ts';
import { CommitmentDataError } from './dicom/storage-commitment/commitment-data-set.ts';
import { EVENT_TYPE, STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL } from './dicom/storage-commitment/push-model.ts';
import { type EventInformation, readEventInformation } from './dicom/storage-commitment/read-event-information.ts';
import { describeError } from './errors.ts';
import { type CommitmentTransaction, type CommitmentVerdict, MAX_COMMITMENT_REFERENCES } from './events/asked-commitment.ts';
import type { Logger } from './logger.ts';

export interface CommitmentReportParts {
  readonly asked: Pick<AskedCommitments, 'transaction' | 'keepVerdict' | 'tellAsker'>;
  readonly log: Logger;
}

/** N-EVENT-REPORT statuses (PS3.7 section 10.1.1.1.8); PS3.4 section J.3.3.1.3 has none of its own. */
const STATUS = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchSopInstance: 0x0112,
  noSuchEventType: 0x0113,
  invalidArgumentValue: 0x0115,
  noSuchSopClass: 0x0118,
  resourceLimitation: 0x0213,
} as const;

/** 160 bytes for each reference of the largest request, and as much again for what an archive adds to each. */
const MAX_REPORT_BYTES = 64 * 1024;
/** An archive that repeats references may say each twice. */
const MAX_READ = 2 * MAX_COMMITMENT_REFERENCES;
const EVENT_TYPES: readonly (number | undefined)[] = Object.values(EVENT_TYPE);

/** A sink for the event information, or the status that refuses the report at once. `archiveAe`: as which the peer called, or was called. */
export function takeCommitmentReport(
  parts: CommitmentReportParts,
  archiveAe: string,
  request: NEventReportRequest,
): DataSetSink | DimseStatus {
  return refusalOf(request) ?? new ReportSink(parts, archiveAe, request.transferSyntaxUid);
}

function refusalOf(request: NEventReportRequest): DimseStatus | undefined {
  const { abstractSyntaxUid, affectedSopClassUid, affectedSopInstanceUid, eventTypeId, hasDataSet } = request;
  if (abstractSyntaxUid !== STORAGE_COMMITMENT_PUSH_MODEL || affectedSopClassUid !== STORAGE_COMMITMENT_PUSH_MODEL)
    return { status: STATUS.noSuchSopClass, comment: 'events are taken of the Storage Commitment Push Model only' };
  if (affectedSopInstanceUid !== STORAGE_COMMITMENT_INSTANCE)
    return { status: STATUS.noSuchSopInstance, comment: 'not the well-known instance of storage commitment' };
  if (!EVENT_TYPES.includes(eventTypeId)) return { status: STATUS.noSuchEventType, comment: 'the event types are 1 and 2' };
  return hasDataSet ? undefined : { status: STATUS.invalidArgumentValue, comment: 'no event information' };
}

class ReportSink implements DataSetSink {
  readonly #parts: CommitmentReportParts;
  readonly #archiveAe: string;
  readonly #transferSyntaxUid: string;
  #held: Buffer | undefined;
  #size = 0;

  constructor(parts: CommitmentReportParts, archiveAe: string, transferSyntaxUid: string) {
    this.#parts = parts;
    this.#archiveAe = archiveAe;
    this.#transferSyntaxUid = transferSyntaxUid;
  }

  /** Into room for the whole: fragments may be of one byte. */
  write(chunk: Buffer): undefined {
    this.#held ??= Buffer.allocUnsafe(MAX_REPORT_BYTES);
    if (this.#size + chunk.length <= MAX_REPORT_BYTES) chunk.copy(this.#held, this.#size);
    this.#size += chunk.length;
  }

  async end(): Promise<DimseStatus> {
    if (this.#size > MAX_REPORT_BYTES) return this.#refused(STATUS.resourceLimitation, 'more than any request of ours asks for');
    try {
      const bytes = this.#held?.subarray(0, this.#size) ?? Buffer.alloc(0);
      return await this.#take(readEventInformation(bytes, this.#transferSyntaxUid, MAX_READ));
    } catch (error) {
      if (error instanceof CommitmentDataError) return this.#refused(STATUS.invalidArgumentValue, error.message);
      this.#parts.log.warn({ archive: this.#archiveAe, reason: describeError(error) }, 'a storage commitment report could not be kept');
      return { status: STATUS.processingFailure, comment: 'the report could not be kept, send it again later' };
    }
  }

  abort(): void {}

  async #take(information: EventInformation): Promise<DimseStatus> {
    const { asked, log } = this.#parts;
    const { transactionUid, committed, failed } = information;
    const transaction = await asked.transaction(transactionUid);
    if (transaction === undefined) return this.#refused(STATUS.invalidArgumentValue, 'unknown Transaction UID', transactionUid);
    if (transaction.archiveAe !== this.#archiveAe)
      return this.#refused(STATUS.invalidArgumentValue, `Transaction UID was given to AE ${transaction.archiveAe}`, transactionUid);
    const verdicts = verdictsOf(transaction, information);
    await Promise.all(verdicts.map(({ key, verdict }) => asked.keepVerdict(key, verdict)));
    const { destination, references, replica } = transaction;
    const silent = references.length - verdicts.length;
    log.info(
      { destination, transaction: transactionUid, committed: committed.length, failed: failed.length, silent },
      'storage commitment',
    );
    // The asker looks by itself later.
    await asked.tellAsker(replica, transactionUid).catch(() => {});
    return { status: STATUS.success };
  }

  #refused(status: number, comment: string, transaction?: string): DimseStatus {
    this.#parts.log.warn({ archive: this.#archiveAe, transaction, reason: comment }, 'storage commitment report refused');
    return { status, comment };
  }
}

/** Of what was asked for and is answered, each by class and instance; what the archive says beyond that counts for nothing. */
function verdictsOf(
  transaction: CommitmentTransaction,
  { transactionUid, committed, failed }: EventInformation,
): { key: string; verdict: CommitmentVerdict }[] {
  const said = new Map<string, number | undefined>();
  for (const one of committed) said.set(`${one.sopClassUid} ${one.sopInstanceUid}`, undefined);
  for (const one of failed) said.set(`${one.sopClassUid} ${one.sopInstanceUid}`, one.reason);
  return transaction.references.flatMap(({ sopClassUid, sopInstanceUid, key, copy }) => {
    const reference = `${sopClassUid} ${sopInstanceUid}`;
    return said.has(reference) ? [{ key, verdict: { copy, transactionUid, reason: said.get(reference) } }] : [];
  });
}
