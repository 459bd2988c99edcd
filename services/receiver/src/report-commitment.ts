// Storage commitment, the result (PS3.4 section J.3.3): told by N-EVENT-REPORT on the association of the request while that is open, else on a new one to the
// address that the gateway document names for the AE title. One try; the ledger knows when the next one is due.
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { AssociationLost, type DimseStatus, type EventReport, type EventReporter } from '@causeway/shared/dicom/dimse/scp';
import { type Association, AssociationRejected, associate } from '@causeway/shared/dicom/dimse/scu';
import { isStored } from '@causeway/shared/dicom/dimse/statuses';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { encodeEventInformation, eventTypeOf } from '@causeway/shared/dicom/storage-commitment/event-information';
import {
  type FailureReason,
  STORAGE_COMMITMENT_INSTANCE,
  STORAGE_COMMITMENT_PUSH_MODEL,
} from '@causeway/shared/dicom/storage-commitment/push-model';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { describeError } from '@causeway/shared/errors';
import { type CommitmentAnswer, type CommitmentResult, commitmentResult } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import type { Logger } from '@causeway/shared/logger';
import { readJsonObject } from '@causeway/shared/object-store/json-objects';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

export interface ReportCommitmentParts {
  readonly bus: Pick<Bus, 'publishFact'>;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly document: () => GatewayDocument;
  /** Of the association of a request, if this process has it and it is open. */
  readonly reporterOf: (associationId: string) => EventReporter | undefined;
}

type Outcome = Pick<FactOf<'ledger.commitment.reported'>, 'outcome' | 'association' | 'reason'>;

/** On the same association: a requestor that works synchronously may first finish what it does. */
const SAME_ASSOCIATION_MS = 15_000;
const TIMEOUTS = { connectMs: 10_000, associateMs: 15_000, responseMs: 30_000 };
const CONTEXT_ID = 1;
const CONTEXT = {
  id: CONTEXT_ID,
  abstractSyntaxUid: STORAGE_COMMITMENT_PUSH_MODEL,
  transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN],
};
/** We are the provider although we ask for the association (PS3.7 section D.3.3.4, PS3.4 section J.3.3.1.2). */
const ROLES = [{ sopClassUid: STORAGE_COMMITMENT_PUSH_MODEL, scu: false, scp: true }];

/** Publishes what came of it. Throws TransientError when store or broker are away, ObjectMissing when the result is no longer kept. */
export async function reportCommitment(parts: ReportCommitmentParts, answer: CommitmentAnswer): Promise<void> {
  const { commitment, attempt } = answer;
  const event = eventOf(await readJsonObject(parts.store, answer.answerKey, commitmentResult));
  const outcome = (await onSameAssociation(parts, answer, event)) ?? (await onNewAssociation(parts, answer, event));
  parts.log.info({ commitment: commitment.id, callingAe: commitment.callingAe, attempt, ...outcome }, 'storage commitment result');
  await parts.bus.publishFact({ ...newEnvelope(), type: 'ledger.commitment.reported', commitment, attempt, ...outcome });
}

/** undefined: it is over, or was before the response came. */
async function onSameAssociation(parts: ReportCommitmentParts, answer: CommitmentAnswer, event: EventReport): Promise<Outcome | undefined> {
  const reporter = parts.reporterOf(answer.commitment.association.id);
  if (!reporter?.isOpen) return undefined;
  try {
    return outcomeOf(await reporter.report(event, SAME_ASSOCIATION_MS), 'same');
  } catch (error) {
    if (!(error instanceof AssociationLost)) throw error;
    return undefined;
  }
}

async function onNewAssociation(parts: ReportCommitmentParts, { commitment }: CommitmentAnswer, event: EventReport): Promise<Outcome> {
  const address = parts.document().commitment.find(({ callingAe }) => callingAe === commitment.callingAe);
  if (address === undefined)
    return { outcome: 'no-address', reason: `the gateway document has no commitment address for ${commitment.callingAe}` };
  let association: Association | undefined;
  try {
    association = await associate({
      host: address.host,
      port: address.port,
      // As it knows us, and as we know it.
      callingAe: commitment.calledAe,
      calledAe: commitment.callingAe,
      contexts: [CONTEXT],
      roles: ROLES,
      implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
      timeouts: TIMEOUTS,
    });
    const outcome = refusedNegotiation(association) ?? outcomeOf(await association.reportEvent(operationOf(association, event)), 'new');
    await association.release().catch(() => {});
    return outcome;
  } catch (error) {
    association?.abort();
    const isPeers = error instanceof AssociationLost || error instanceof AssociationRejected;
    if (!isPeers) throw error;
    return { outcome: 'unreachable', association: 'new', reason: describeError(error).slice(0, 500) };
  }
}

/** Without an answer to our role selection the default roles hold, strictly; but requestors that leave the answer out take the report. */
function refusedNegotiation({ accepted, roles }: Association): Outcome | undefined {
  const refused = (reason: string): Outcome => ({ outcome: 'refused', association: 'new', reason });
  if (!accepted.has(CONTEXT_ID)) return refused('the presentation context for storage commitment was refused');
  const role = roles.find(({ sopClassUid }) => sopClassUid === STORAGE_COMMITMENT_PUSH_MODEL);
  return role?.scp === false ? refused('our role as provider was refused (PS3.7 section D.3.3.4)') : undefined;
}

function operationOf({ accepted }: Association, event: EventReport) {
  const dataSet = event.dataSet(accepted.get(CONTEXT_ID)!.transferSyntaxUid);
  const { affectedSopClassUid: sopClassUid, affectedSopInstanceUid: sopInstanceUid, eventTypeId } = event;
  return { contextId: CONTEXT_ID, sopClassUid, sopInstanceUid, eventTypeId, dataSet: once(dataSet) };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

const outcomeOf = ({ status }: DimseStatus, association: 'same' | 'new'): Outcome =>
  isStored(status)
    ? { outcome: 'reported', association }
    : { outcome: 'refused', association, reason: `the N-EVENT-REPORT was answered ${status.toString(16).padStart(4, '0').toUpperCase()}` };

function eventOf({ transactionUid, sopClassUids, committed, failed }: CommitmentResult): EventReport {
  const reference = ([index, sopInstanceUid]: readonly [number, string, number?]) => ({
    sopClassUid: sopClassUids[index] ?? '',
    sopInstanceUid,
  });
  const result = {
    transactionUid,
    committed: committed.map(reference),
    failed: failed.map((one) => ({ ...reference(one), reason: one[2] as FailureReason })),
  };
  return {
    affectedSopClassUid: STORAGE_COMMITMENT_PUSH_MODEL,
    affectedSopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
    eventTypeId: eventTypeOf(result),
    dataSet: (transferSyntaxUid) => encodeEventInformation(result, transferSyntaxUid),
  };
}
