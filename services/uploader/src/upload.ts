// The uploader's sentence: a due delivery comes in, its object is sent to its destination, what the destination answered is put on
// record, and only then is the message acknowledged. What may pass is tried again with growing delay; what will not is parked and shown.
import type { Bus, Message } from '@causeway/shared/bus/bus';
import { describeError, TransientError } from '@causeway/shared/errors';
import { type DeliveryDue, type DerivationProfile, deliveryDue } from '@causeway/shared/events/delivery';
import { NO_FACILITY } from '@causeway/shared/events/flow';
import type { Logger } from '@causeway/shared/logger';
import type { AwaitedCommitments } from './awaited-commitments.ts';
import { type Clock, retryDelayMs } from './circuit-breaker.ts';
import type { Attempted, DueParcel } from './delivery-attempt.ts';
import { attemptedFact, confirmedFact, failedFact } from './delivery-facts.ts';
import { type Delivered, isSyntaxRefused, type Outcome } from './delivery-outcome.ts';
import { type CopyMark, type DeliveryRecords, type History, NO_HISTORY } from './delivery-records.ts';
import { orderDerivation, PROFILE_WORDS, syntaxRefusal } from './derivation-order.ts';
import type { DestinationSettings } from './destination-settings.ts';
import type { DestinationWorker } from './destination-worker.ts';
import type { GivenBack } from './given-back.ts';
import { copyMarkOf, type IdenticalCopies } from './identical-copies.ts';
import { derivationAfterRefusal, derivationWantedFirst, objectChoices, type WantedForm } from './object-choice.ts';
import type { SendLimits } from './send-limits.ts';
import type { DestinationMetrics } from './upload-metrics.ts';

export interface UploadParts {
  readonly bus: Pick<Bus, 'publish' | 'publishFact' | 'clockOffsetMs'>;
  readonly records: DeliveryRecords;
  readonly copies: IdenticalCopies;
  readonly givenBack: GivenBack;
  /** Where the destination has to commit to what it stored. */
  readonly commitments?: Pick<AwaitedCommitments, 'attempt'> | undefined;
  readonly settings: Pick<DestinationSettings, 'id' | 'retry'>;
  readonly form: WantedForm;
  readonly worker: Pick<DestinationWorker, 'submit' | 'msUntilProbe'>;
  readonly metrics: DestinationMetrics;
  /** What counts as age. */
  readonly limits: Pick<SendLimits, 'isOlder'>;
  /** Wall clock: it is compared with the time of the event. */
  readonly clock: Pick<Clock, 'now'>;
  readonly random: () => number;
  readonly log: Logger;
}

/** So often a destination may refuse an instance in words that may mean anything (0110, Cxxx, an answer that does not list it). */
export const MAX_REFUSALS = 5;

/** Resolves when the message may be acknowledged. Throws TransientError when it has to come back. */
export async function upload(message: Message<DeliveryDue>, parts: UploadParts): Promise<void> {
  const { event: due } = message;
  const [done, copy] = await Promise.all([parts.records.confirmed(due), parts.copies.confirmedSince(due)]);
  // The fact may not have got out before the kill; it has the id it had, so it is no second one.
  if (done !== undefined) return await parts.bus.publishFact(done);
  await parts.copies.inTurn(due, { copy, send: () => send(message, parts), confirmAs: (first) => confirmAs(first, due, parts) });
}

/** Resolves with the mark of a confirmed delivery; with undefined when it was parked, or another form was ordered. */
async function send(message: Message<DeliveryDue>, parts: UploadParts): Promise<CopyMark | undefined> {
  const { event: due, deliveryCount, olderThanConsumer = false } = message;
  const wanted = derivationWantedFirst(due.delivery, parts.form);
  if (wanted !== undefined) return void (await orderDerivation(parts.bus, due, wanted));
  const isKnown = deliveryCount > 1 || olderThanConsumer || due.delivery.derivation !== undefined;
  const history = isKnown ? await parts.records.history(due) : NO_HISTORY;
  const resend = await mayHaveArrived(message, history, parts);
  const lastTry = history.refusals + 1 >= MAX_REFUSALS;
  const submit = (commitment?: DueParcel['commitment']): Promise<Attempted> => {
    const submitted = parts.worker.submit({
      delivery: due.delivery,
      lane: due.delivery.instance.lane,
      facility: due.delivery.facility ?? NO_FACILITY,
      size: objectChoices(due.delivery, parts.form)[0].size,
      sopInstanceUid: due.delivery.instance.sopInstanceUid,
      alone: history.alone,
      ...{ resend, lastTry, commitment },
    });
    submitted.catch(() => parts.givenBack.note(message));
    return submitted;
  };
  const isTooOld = (): Promise<boolean> => hasBeenDueTooLong(message, parts);
  const attempted = (await parts.commitments?.attempt({ due, history, lastTry, isTooOld, submit })) ?? (await submit());
  return await putOnRecord({ due, history, resend, attempted, isTooOld }, parts);
}

/**
 * By this machine's clock and the router's, and by the broker's alone: a clock that is a week ahead must not give up what has just come. While the broker is too slow to tell, nothing is given up.
 */
async function hasBeenDueTooLong({ event: due, publishedAt }: Message<DeliveryDue>, parts: UploadParts): Promise<boolean> {
  const { limits, settings, bus } = parts;
  const { destination, instance } = due.delivery;
  const since = Date.parse(due.occurredAt);
  const whose = { destination, lane: instance.lane };
  if (!limits.isOlder({ ...whose, since }, settings.retry.giveUpAfter)) return false;
  const aheadMs = await bus.clockOffsetMs().catch(() => undefined);
  if (aheadMs === undefined) return false;
  return limits.isOlder({ ...whose, since: publishedAt?.getTime() ?? since, aheadMs }, settings.retry.giveUpAfter);
}

/**
 * Whether the destination may have it from an earlier attempt of ours. Only then does "already stored" count as delivered: else what is stored
 * under that SOP Instance UID is somebody else's, perhaps other content.
 */
async function mayHaveArrived(
  message: Message<DeliveryDue>,
  history: History,
  { records, givenBack }: Pick<UploadParts, 'records' | 'givenBack'>,
): Promise<boolean> {
  const { event: due } = message;
  if (history.attempts > 0) return history.mayHaveArrived;
  // Handed out before, not given back here, and nothing on record: that uploader may have been killed while it sent.
  if (!givenBack.isUnsent(message)) return true;
  if (due.generation === 0) return false;
  if (due.wasParked === true) return await mayHaveArrivedBefore(due, records);
  const before = await records.history({ ...due, generation: due.generation - 1 });
  return before.attempts === 0 || before.mayHaveArrived;
}

/** What was parked was not sent in that generation: the last one with an attempt tells. */
async function mayHaveArrivedBefore(due: DeliveryDue, records: DeliveryRecords): Promise<boolean> {
  for (let generation = due.generation - 1; generation >= 0; generation -= 1) {
    const before = await records.history({ ...due, generation });
    if (before.attempts > 0) return before.mayHaveArrived;
  }
  return false;
}

interface Ended {
  readonly due: DeliveryDue;
  readonly resend: boolean;
  readonly history: History;
  readonly attempted: Attempted;
  readonly isTooOld: () => Promise<boolean>;
}

async function putOnRecord(ended: Ended, parts: UploadParts): Promise<CopyMark | undefined> {
  const { outcome } = ended.attempted;
  if (outcome.kind === 'delivered') return await confirm(ended, outcome, parts);
  if (outcome.kind === 'permanent' && isSyntaxRefused(outcome)) return void (await afterSyntaxRefusal(ended, outcome.reason, parts));
  if (outcome.kind === 'permanent') return void (await park(ended, outcome.reason, parts));
  // Whoever asks for a commitment waits for it (awaited-commitments.ts): this is no delivery.
  if (outcome.kind === 'stored') throw new TransientError('stored, and not committed to');
  const { giveUpAfter } = parts.settings.retry;
  if (await ended.isTooOld())
    return void (await park(ended, `given up after ${Math.round(giveUpAfter / 1000)} s: ${outcome.reason}`, parts));
  return await postpone(ended, outcome, parts);
}

/** Another form is made, if that was not tried; it goes on as the same delivery. */
async function afterSyntaxRefusal(ended: Ended, reason: string, parts: UploadParts): Promise<void> {
  const profile = derivationAfterRefusal(ended.due.delivery);
  if (profile === undefined) return await park(ended, syntaxRefusal(reason, ended.due), parts);
  await sendInAnotherForm(ended, { reason, profile }, parts);
}

async function sendInAnotherForm(
  { due, history }: Ended,
  { reason, profile }: { reason: string; profile: DerivationProfile },
  parts: UploadParts,
): Promise<void> {
  const attempts = history.attempts + 1;
  await parts.records.remember(due, { ...history, attempts });
  const told = { reason: `${reason}; ${PROFILE_WORDS[profile]} is made`, nextAttemptAt: new Date(parts.clock.now()) };
  await parts.bus.publishFact(attemptedFact(due, attempts, told));
  await orderDerivation(parts.bus, due, profile);
  parts.metrics.notDelivered('attempted');
}

/**
 * Mark, then fact, then (by the caller) acknowledgement: after a kill in between, nothing is sent twice and nothing stays untold. A mark that cannot be
 * written (the bucket is full) is only missing after a kill; the fact is told and the message acknowledged all the same.
 */
async function confirm({ due, history, attempted }: Ended, outcome: Delivered, parts: UploadParts): Promise<CopyMark> {
  const { change, ref } = attempted;
  const fact = confirmedFact(due, history.attempts + 1, { ...outcome, digest: change?.digest ?? ref.digest, change });
  const copy = copyMarkOf(due, fact);
  await markAll([parts.records.markConfirmed(due, fact), parts.copies.mark(due, copy)], due, parts);
  await parts.bus.publishFact(fact);
  parts.metrics.delivered(change?.size ?? ref.size);
  countArchived(due, parts);
  return copy;
}

/** The content is there, by another delivery that was confirmed while this one was due: nothing is sent. */
async function confirmAs(
  { receiptId, confirmation, digest, warning, coercion }: CopyMark,
  due: DeliveryDue,
  parts: UploadParts,
): Promise<void> {
  const said = { kind: 'delivered', confirmation: `with ${receiptId}: ${confirmation}`, digest, warning } as const;
  const fact = { ...confirmedFact(due, 1, said), coercion };
  await markAll([parts.records.markConfirmed(due, fact)], due, parts);
  await parts.bus.publishFact(fact);
  parts.metrics.coalesced();
  countArchived(due, parts);
}

/** What was fetched from an archive was not received: there is no time to archive. */
function countArchived({ delivery: { retrievalId, instance } }: DeliveryDue, { metrics, clock }: UploadParts): void {
  if (retrievalId !== undefined) return;
  metrics.archived(instance.lane, (clock.now() - Date.parse(instance.receivedAt)) / 1000);
}

async function markAll(marks: readonly Promise<void>[], { delivery }: DeliveryDue, { log, settings }: UploadParts): Promise<void> {
  for (const { reason } of (await Promise.allSettled(marks)).filter(({ status }) => status === 'rejected') as PromiseRejectedResult[])
    log.warn({ destination: settings.id, delivery: delivery.id, reason: describeError(reason) }, 'delivered, but not marked so');
}

async function park({ due, history }: Ended, reason: string, parts: UploadParts): Promise<void> {
  await parts.bus.publishFact(failedFact(due, history.attempts + 1, reason));
  parts.metrics.notDelivered('failed');
  parts.log.warn({ destination: parts.settings.id, delivery: due.delivery.id, reason }, 'delivery failed for good');
}

async function postpone(
  { due, history, resend }: Ended,
  outcome: Outcome & { kind: 'transient' | 'refused' },
  parts: UploadParts,
): Promise<never> {
  const attempts = history.attempts + 1;
  const asked = outcome.kind === 'transient' ? (outcome.retryAfterMs ?? 0) : 0;
  const delayMs = Math.max(retryDelayMs(parts.settings.retry, attempts, parts.random), asked, parts.worker.msUntilProbe);
  await parts.records.remember(due, {
    attempts,
    refusals: history.refusals + (outcome.kind === 'refused' ? 1 : 0),
    mayHaveArrived: resend || outcome.mayHaveArrived === true,
    alone: history.alone || outcome.kind === 'refused' || outcome.fault === 'suspect',
  });
  const nextAttemptAt = new Date(parts.clock.now() + delayMs);
  await parts.bus.publishFact(attemptedFact(due, attempts, { reason: outcome.reason, nextAttemptAt }));
  parts.metrics.notDelivered('attempted');
  throw new TransientError(outcome.reason, { retryAfterMs: delayMs });
}

/**
 * A message that can never be handled. When it still says which delivery it was, that one is shown as failed; when not, its object is
 * found again by reconciliation (custody is the object, not the message).
 */
export async function reportUnreadable(
  { body, error }: { body: unknown; error: Error },
  { bus, log }: { bus: Pick<Bus, 'publishFact'>; log: Logger },
): Promise<void> {
  const parsed = deliveryDue.pick({ delivery: true }).safeParse(body);
  log.error({ delivery: parsed.data?.delivery.id, reason: error.message }, 'a delivery could not be handled');
  if (!parsed.success) return;
  const envelope = deliveryDue.pick({ generation: true, facility: true }).safeParse(body).data;
  const due = { generation: 0, ...envelope, ...parsed.data } as DeliveryDue;
  await bus.publishFact(failedFact(due, 1, error.message));
}
