// Storage commitment, the request (PS3.4 section J.3.2): an N-ACTION comes in, its references are read and stored, and once the request is durable and its event
// acknowledged, the requestor hears 0000. The result follows by N-EVENT-REPORT (report-commitment.ts).
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import type { Bus } from '@causeway/shared/bus/bus';
import type { AcceptedAssociation, DataSetSink, DimseStatus, NActionRequest } from '@causeway/shared/dicom/dimse/scp';
import { type ActionInformation, readActionInformation } from '@causeway/shared/dicom/storage-commitment/action-information';
import { CommitmentDataError, type CommitmentDataProblem } from '@causeway/shared/dicom/storage-commitment/commitment-data-set';
import {
  REQUEST_STORAGE_COMMITMENT,
  STORAGE_COMMITMENT_INSTANCE,
  STORAGE_COMMITMENT_PUSH_MODEL,
} from '@causeway/shared/dicom/storage-commitment/push-model';
import { isUid } from '@causeway/shared/dicom/uid';
import { describeError } from '@causeway/shared/errors';
import type { Commitment, CommitmentRequest } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { COMMITMENT_DUE_SUBJECT } from '@causeway/shared/events/flow';
import type { Logger } from '@causeway/shared/logger';
import { BlockPool } from '@causeway/shared/object-store/block-pool';
import { HeldBytes } from '@causeway/shared/object-store/held-bytes';
import { writeJsonObject } from '@causeway/shared/object-store/json-objects';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { inTime } from './in-time.ts';
import { msUntil, publishUntil } from './publish-until.ts';
import { isStorageClass } from './storage-service.ts';

export interface TakeCommitmentParts {
  readonly bus: Pick<Bus, 'publish'>;
  readonly store: ObjectStore;
  readonly log: Logger;
  /** This process, so that the answer finds the association of the request. */
  readonly replica: string;
  readonly memory: BlockPool;
  /** How long store and JetStream may take together before the request is refused (limits.custody), ms. */
  readonly custodyMs: () => number;
}

/** A request for a whole day of a large hospital; beyond it 0213. */
export const MAX_REFERENCES = 100_000;
/** 152 bytes a reference at most, and room for what a sender adds. */
const MAX_REQUEST_BYTES = 24 * 1024 ** 2;
/** What all requests under way may hold together: they are small, but anybody may send them. */
const MEMORY_BYTES = 64 * 1024 ** 2;

/** N-ACTION statuses (PS3.7 section 10.1.4.1.10 and Annex C.5). */
const STATUS = {
  success: 0x0000,
  processingFailure: 0x0110,
  noSuchSopInstance: 0x0112,
  invalidArgumentValue: 0x0115,
  noSuchSopClass: 0x0118,
  noSuchAction: 0x0123,
  unrecognizedOperation: 0x0211,
  resourceLimitation: 0x0213,
} as const;

const STATUS_OF: Record<CommitmentDataProblem, number> = {
  unreadable: STATUS.processingFailure,
  invalid: STATUS.invalidArgumentValue,
  'too-many': STATUS.resourceLimitation,
};

/** Of the requests under way in this process; beyond its budget requests are refused. */
export const requestMemory = (): BlockPool => new BlockPool({ budgetBytes: MEMORY_BYTES, keepBytes: 0 });

/** A sink for the action information, or the status that refuses the request at once. */
export function takeCommitment(
  parts: TakeCommitmentParts,
  association: AcceptedAssociation,
  request: NActionRequest,
): DataSetSink | DimseStatus {
  return refusalOf(request) ?? new RequestSink(parts, association, request);
}

function refusalOf(request: NActionRequest): DimseStatus | undefined {
  if (request.abstractSyntaxUid !== STORAGE_COMMITMENT_PUSH_MODEL)
    return { status: STATUS.unrecognizedOperation, comment: 'this context has no N-ACTION' };
  if (request.requestedSopClassUid !== STORAGE_COMMITMENT_PUSH_MODEL)
    return { status: STATUS.noSuchSopClass, comment: 'Requested SOP Class UID is not that of its context' };
  if (request.requestedSopInstanceUid !== STORAGE_COMMITMENT_INSTANCE)
    return { status: STATUS.noSuchSopInstance, comment: 'not the well-known instance of storage commitment' };
  if (request.actionTypeId !== REQUEST_STORAGE_COMMITMENT)
    return { status: STATUS.noSuchAction, comment: 'the only action type is 1, request storage commitment' };
  return request.hasDataSet ? undefined : { status: STATUS.invalidArgumentValue, comment: 'no action information' };
}

class RequestSink implements DataSetSink {
  readonly #parts: TakeCommitmentParts;
  readonly #association: AcceptedAssociation;
  readonly #request: NActionRequest;
  /** In blocks, because fragments may be of one byte, and an object for each would take a hundred times that. */
  readonly #held: HeldBytes;
  #refusal: DimseStatus | undefined;

  constructor(parts: TakeCommitmentParts, association: AcceptedAssociation, request: NActionRequest) {
    this.#parts = parts;
    this.#association = association;
    this.#request = request;
    this.#held = new HeldBytes(parts.memory);
  }

  write(chunk: Buffer): undefined {
    if (this.#refusal) return;
    this.#held.append(chunk);
    if (this.#held.size <= MAX_REQUEST_BYTES && !this.#parts.memory.isOverBudget) return;
    this.#refusal = { status: STATUS.resourceLimitation, comment: 'the request is too large for now' };
    this.#held.release();
  }

  async end(): Promise<DimseStatus> {
    try {
      return this.#refusal ?? (await this.#take(this.#read()));
    } catch (error) {
      if (!(error instanceof CommitmentDataError)) throw error;
      this.#parts.log.warn({ callingAe: this.#association.request.callingAe, reason: error.message }, 'storage commitment request refused');
      return { status: STATUS_OF[error.problem], comment: error.message, ...(error.tag === 0 ? {} : { offendingElements: [error.tag] }) };
    } finally {
      this.#held.release();
    }
  }

  abort(): void {
    this.#held.release();
  }

  #read(): ActionInformation {
    return readActionInformation(Buffer.concat(this.#held.buffers()), this.#request.transferSyntaxUid, MAX_REFERENCES);
  }

  async #take(information: ActionInformation): Promise<DimseStatus> {
    const { store, log, custodyMs } = this.#parts;
    const deadline = performance.now() + custodyMs();
    const request = this.#describe(information);
    const { id } = request.commitment;
    const requestKey = commitmentKey(id, 'request');
    const commitment: Commitment = { ...request.commitment, requestKey, references: request.references.length };
    try {
      await inTime(writeJsonObject(store, requestKey, request), msUntil(deadline), 'storing');
      await announce(this.#parts, commitment, deadline);
    } catch (error) {
      log.warn({ commitment: id, reason: describeError(error) }, 'storage commitment request not taken');
      return { status: STATUS.resourceLimitation, comment: 'the request could not be stored, send a new one later' };
    }
    log.info({ commitment: id, callingAe: commitment.callingAe, references: commitment.references }, 'storage commitment requested');
    return { status: STATUS.success };
  }

  #describe({ transactionUid, references }: ActionInformation): CommitmentRequest {
    const { id: association, request } = this.#association;
    const classes = new Map<string, number>();
    for (const { sopClassUid } of references) if (!classes.has(sopClassUid)) classes.set(sopClassUid, classes.size);
    const sopClassUids = [...classes.keys()];
    return {
      commitment: {
        id: uuidV7(),
        transactionUid,
        callingAe: request.callingAe,
        calledAe: request.calledAe,
        source: request.peer.address,
        requestedAt: new Date().toISOString(),
        association: { id: association, replica: this.#parts.replica },
      },
      sopClassUids,
      unsupported: sopClassUids.flatMap((uid, index) => (isUid(uid) && isStorageClass(uid) ? [] : [index])),
      references: references.map(({ sopClassUid, sopInstanceUid }) => [classes.get(sopClassUid)!, sopInstanceUid]),
    };
  }
}

/** After a definite refusal the request is deleted; with an unknown outcome it stays: the ledger may have it already. */
async function announce({ bus, store }: TakeCommitmentParts, commitment: Commitment, deadline: number): Promise<void> {
  const event = { ...newEnvelope(), type: 'commitment.due', commitment } as const;
  const failure = await publishUntil(deadline, (timeoutMs) =>
    bus.publish(event, { subject: COMMITMENT_DUE_SUBJECT, messageId: `${commitment.id}.due`, timeoutMs }),
  );
  if (failure === undefined) return;
  if (!failure.unknown) await inTime(store.delete(commitment.requestKey), msUntil(deadline), 'deleting').catch(() => {});
  throw failure.error;
}
