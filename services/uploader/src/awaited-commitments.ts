// A delivery on its way to being committed to: looked up before anything is sent, asked for, waited for a moment; then its message comes back until the archive has said
// what became of it. Without an answer the request is made again, never the instance sent.
import type { AskedCommitments } from '@causeway/shared/bus/asked-commitments';
import type { Bus } from '@causeway/shared/bus/bus';
import { FAILURE_REASON } from '@causeway/shared/dicom/storage-commitment/push-model';
import { TransientError } from '@causeway/shared/errors';
import type { CommitmentVerdict, StoredCopy } from '@causeway/shared/events/asked-commitment';
import type { DeliveryDue } from '@causeway/shared/events/delivery';
import type { Clock } from './circuit-breaker.ts';
import { attemptedOf } from './commitment-attempts.ts';
import type { CommitmentHints } from './commitment-hints.ts';
import { type Attempted, type DueParcel, parked } from './delivery-attempt.ts';
import { attemptedFact } from './delivery-facts.ts';
import { hexStatus, type Outcome, transient } from './delivery-outcome.ts';
import { type History, recordKey } from './delivery-records.ts';
import type { DimseSettings } from './destination-settings.ts';

export interface AwaitedParts {
  readonly asked: Pick<AskedCommitments, 'copy' | 'keepCopy' | 'forgetCopy' | 'transaction' | 'verdict'>;
  readonly hints: Pick<CommitmentHints, 'wait'>;
  readonly bus: Pick<Bus, 'publishFact'>;
  readonly settings: { readonly retry: DimseSettings['retry']; readonly timeouts: Pick<DimseSettings['timeouts'], 'commitment'> };
  readonly clock: Pick<Clock, 'now'>;
  readonly random: () => number;
}

export interface Turn {
  readonly due: DeliveryDue;
  readonly history: History;
  /** One more refusal of unknown meaning parks it. */
  readonly lastTry: boolean;
  /** Whether it has been due for longer than it may be. */
  readonly isTooOld: () => Promise<boolean>;
  /** Sends it, unless it is stored, and asks for the commitment. */
  readonly submit: (commitment: NonNullable<DueParcel['commitment']>) => Promise<Attempted>;
}

/** Archives that decide at once answer within this, on the same association or a new one. */
const SOON_MS = 2_000;
/** One that did not is not waited for again for so long: meanwhile others could be sent. */
const PATIENT_AGAIN_AFTER_MS = 30_000;
const LEAST_WAIT_MS = 1_000;

/** Of one destination. */
export class AwaitedCommitments {
  readonly #parts: AwaitedParts;
  #patientFrom = 0;

  constructor(parts: AwaitedParts) {
    this.#parts = parts;
  }

  /** Resolves with what became of it; `delivered` only when the archive committed. Throws TransientError while that is open. */
  async attempt(turn: Turn): Promise<Attempted> {
    const key = recordKey(turn.due);
    const stored = await this.#stored(key, turn.due);
    const known = stored && (await this.#settled(stored, turn));
    if (known !== undefined) return known;
    const waitMs = stored && (await this.#msToWait(stored));
    if (stored !== undefined && waitMs !== undefined) return await this.#comeBack(stored, turn, waitMs);
    const attempted = await turn.submit({ key, stored });
    if (attempted.outcome.kind === 'delivered') throw new TransientError('stored, and nobody was asked to commit to it');
    if (attempted.outcome.kind !== 'stored') return attempted;
    return await this.#afterAsking(attempted.outcome.stored, turn);
  }

  /** What the destination has, of this very content. */
  async #stored(key: string, due: DeliveryDue): Promise<StoredCopy | undefined> {
    const stored = await this.#parts.asked.copy(key);
    return stored?.content === due.delivery.instance.digest ? stored : undefined;
  }

  /** undefined: there is no answer about this copy yet. A commitment counts from whichever request, a refusal only as the answer to the last one. */
  async #settled(stored: StoredCopy, turn: Turn): Promise<Attempted | undefined> {
    const verdict = await this.#parts.asked.verdict(recordKey(turn.due));
    if (verdict === undefined || verdict.copy !== stored.copy) return undefined;
    if (verdict.reason !== undefined && verdict.transactionUid !== stored.transactionUid) return undefined;
    const outcome = outcomeOf(verdict, stored);
    if (verdict.reason !== undefined) await this.#prepareNextTry(stored, verdict.reason, turn);
    return attemptedOf(turn.due.delivery, stored, turn.lastTry ? parked(outcome) : outcome);
  }

  async #prepareNextTry(stored: StoredCopy, reason: number, { due }: Turn): Promise<void> {
    const key = recordKey(due);
    if (reason === FAILURE_REASON.noSuchObjectInstance) await this.#parts.asked.forgetCopy(key);
    else await this.#parts.asked.keepCopy(key, { ...stored, transactionUid: undefined });
  }

  /** Until the answer is looked for again; undefined: it has to be asked for. Waits grow with the age of the request. */
  async #msToWait({ transactionUid }: StoredCopy): Promise<number | undefined> {
    const transaction = transactionUid === undefined ? undefined : await this.#parts.asked.transaction(transactionUid);
    if (transaction?.acceptedAt === undefined) return undefined;
    const { retry, timeouts } = this.#parts.settings;
    const age = this.#parts.clock.now() - Date.parse(transaction.acceptedAt);
    const left = timeouts.commitment - age;
    if (left <= 0) return undefined;
    const wait = Math.min(Math.max(age, retry.first), retry.max) * (1 + this.#parts.random() / 4);
    return Math.max(LEAST_WAIT_MS, Math.min(wait, left));
  }

  async #afterAsking(stored: StoredCopy, turn: Turn): Promise<Attempted> {
    const { bus, clock, settings } = this.#parts;
    const answered = await this.#answeredSoon(stored, turn);
    if (answered !== undefined) return answered;
    const nextAttemptAt = new Date(clock.now() + settings.timeouts.commitment);
    const reason = `stored (${stored.confirmation}), waiting for the archive's storage commitment; asked again at the next attempt`;
    await bus.publishFact(attemptedFact(turn.due, turn.history.attempts + 1, { reason, nextAttemptAt }));
    return await this.#comeBack(stored, turn, settings.retry.first);
  }

  async #answeredSoon(stored: StoredCopy, turn: Turn): Promise<Attempted | undefined> {
    const { hints, clock } = this.#parts;
    const isPatient = clock.now() >= this.#patientFrom;
    // Begun before the look: what is written in between wakes it.
    const soon = isPatient ? hints.wait(stored.transactionUid!, SOON_MS) : undefined;
    const atOnce = await this.#settled(stored, turn);
    if (atOnce !== undefined || soon === undefined) return atOnce;
    await soon;
    const answered = await this.#settled(stored, turn);
    if (answered === undefined) this.#patientFrom = clock.now() + PATIENT_AGAIN_AFTER_MS;
    return answered;
  }

  /** It counts neither as a try nor as a failure; only when it has been due for too long it is given up. */
  async #comeBack(stored: StoredCopy, { due, isTooOld }: Turn, waitMs: number): Promise<Attempted> {
    if (!(await isTooOld())) throw new TransientError('stored; the archive has not committed to it yet', { retryAfterMs: waitMs });
    const reason = `given up: stored (${stored.confirmation}), but the archive never committed to it`;
    return attemptedOf(due.delivery, stored, { kind: 'permanent', reason, because: 'instance' });
  }
}

/** Failure Reason (0008,1197) (PS3.3 section C.14.1.1). */
function outcomeOf({ reason }: CommitmentVerdict, { confirmation, warning }: StoredCopy): Outcome {
  if (reason === undefined) return { kind: 'delivered', confirmation: `${confirmation} + storage commitment`, warning };
  const words = `storage commitment failed: ${hexStatus(reason)}${REASON_WORDS[reason] === undefined ? '' : ` (${REASON_WORDS[reason]})`}`;
  switch (reason) {
    case FAILURE_REASON.resourceLimitation:
      return transient(words, 'none');
    case FAILURE_REASON.classInstanceConflict:
    case FAILURE_REASON.sopClassNotSupported:
      return { kind: 'permanent', reason: words, because: 'instance' };
    default:
      return { kind: 'refused', reason: words, mayHaveArrived: true };
  }
}

const REASON_WORDS: Readonly<Record<number, string>> = {
  [FAILURE_REASON.processingFailure]: 'processing failure; it is asked again',
  [FAILURE_REASON.noSuchObjectInstance]: 'the archive does not have it; it is sent again',
  [FAILURE_REASON.classInstanceConflict]: 'the archive has it with another SOP Class',
  [FAILURE_REASON.sopClassNotSupported]: 'the archive commits to no instances of the SOP Class',
  [FAILURE_REASON.duplicateTransactionUid]: 'Transaction UID used before; it is asked again',
  [FAILURE_REASON.resourceLimitation]: 'the archive lacks resources; it is asked again',
};
