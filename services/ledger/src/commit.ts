// The ledger's sentence on storage commitment: a request that a receiver took becomes a row; it is looked at until every reference is decided, at the latest at
// its deadline; then the result is told, first on the association of the request, then on new ones, again and again until the requestor has it.
import { createHash } from 'node:crypto';
import type { Bucket, Bus, Consumption } from '@causeway/shared/bus/bus';
import type { GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import {
  type CommitmentWork,
  claimDueCommitments,
  giveUpCommitment,
  markAttempted,
  markHandedOver,
  reviveCommitments,
  takeCommitment,
} from '@causeway/shared/database/commitment-rows';
import { describeError, PermanentError, TransientError } from '@causeway/shared/errors';
import {
  type Commitment,
  type CommitmentAnswer,
  type CommitmentRequest,
  commitmentDue,
  commitmentRequest,
} from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { commitmentAnswerSubject, HANDOFF } from '@causeway/shared/events/flow';
import { readJsonObject } from '@causeway/shared/object-store/json-objects';
import { type DecideParts, decide } from './decide-commitment.ts';

export interface CommitParts extends DecideParts {
  readonly configuration: Pick<GatewayConfiguration, 'current'>;
}

/** For a caller without a row in the gateway document: the schema's own defaults. It is answered on its own association only. */
const DEFAULT_AFTER = 'delivered';
const DEFAULT_DEADLINE_MS = 24 * 3_600_000;

const LOOK_EVERY_MS = 500;
const MISSING_GRACE_MS = 10_000;
/** A look at the queues now: the next look at the commitment is another. */
const QUIET_NOW = { looks: 1, betweenMs: 0 };
/** The process that has the association takes the result up at once, or it is gone. */
const HANDOFF_WAIT_MS = 3_000;
const FIRST_RETRY_MS = 5_000;
const LONGEST_RETRY_MS = 3_600_000;
/** Then it is shown as undeliverable, and an operator may have it told again. */
const GIVE_UP_AFTER_MS = 7 * 86_400_000;
const CLAIMED = 4;
const REVIVE_EVERY_MS = 15_000;

/** Consumes requests; resolves when the consumer is there. */
export function takeCommitments(parts: CommitParts): Promise<Consumption> {
  return parts.bus.consume(
    {
      stream: 'COMMITMENTS',
      name: 'commitment-due',
      filter: 'commitment.due',
      schema: commitmentDue,
      concurrency: CLAIMED,
      retryDelayMs: (deliveryCount) => Math.min(250 * 2 ** deliveryCount, 15_000),
      onPermanent: async ({ error }) => parts.log.error({ reason: error.message }, 'a storage commitment request cannot be taken up'),
    },
    ({ event }) => take(parts, event.commitment),
  );
}

/** Twice is harmless. Throws ObjectMissing when the request was withdrawn, TransientError. */
export async function take(
  { store, database, configuration, log }: CommitParts,
  commitment: Commitment,
  now: Date = new Date(),
): Promise<void> {
  const document = configuration.current()?.document;
  if (document === undefined) throw new TransientError('no gateway document yet');
  const request = await readJsonObject(store, commitment.requestKey, commitmentRequest);
  const { after, deadline } = settingsOf(document, commitment.callingAe);
  const outcome = await takeCommitment(database, {
    commitment,
    referencesDigest: digestOf(request),
    after,
    deadlineAt: new Date(Date.parse(commitment.requestedAt) + deadline),
    now,
  });
  if (outcome === 'joined')
    log.info({ commitment: commitment.id }, 'repeats a storage commitment request whose result was not heard: one answer for both');
  if (outcome === 'duplicate')
    log.warn({ commitment: commitment.id }, 'storage commitment request with a transaction UID that was used before');
}

const settingsOf = ({ commitment }: GatewayDocument, callingAe: string): { after: 'custody' | 'delivered'; deadline: number } =>
  commitment.find((row) => row.callingAe === callingAe) ?? { after: DEFAULT_AFTER, deadline: DEFAULT_DEADLINE_MS };

function digestOf({ sopClassUids, references }: CommitmentRequest): string {
  const lines = references.map(([index, sopInstanceUid]) => `${sopClassUids[index]} ${sopInstanceUid}`).sort();
  return createHash('sha256').update(lines.join('\n')).digest('hex');
}

/** Resolves at once; goes on until `stop`, which waits for what is under way. */
export function keepCommitting(parts: CommitParts): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let reviveAt = 0;
  let isAway = false;
  const round = async (): Promise<void> => {
    try {
      if (performance.now() >= reviveAt) {
        reviveAt = performance.now() + REVIVE_EVERY_MS;
        await revive(parts);
      }
      while (!stopped && (await workOnDue(parts, new Date())) > 0);
      isAway = false;
    } catch (error) {
      if (!isAway) parts.log.warn({ reason: describeError(error) }, 'storage commitments wait; trying again');
      isAway = true;
    }
    if (!stopped) timer = setTimeout(() => (running = round()), LOOK_EVERY_MS);
  };
  let running = round();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Callers that had no address have one now. */
async function revive({ database, configuration, log }: CommitParts): Promise<void> {
  const callers = configuration.current()?.document.commitment.map(({ callingAe }) => callingAe) ?? [];
  const revived = callers.length === 0 ? 0 : await reviveCommitments(database, callers, new Date());
  if (revived > 0) log.info({ commitments: revived }, 'storage commitment results have an address now');
}

/** Resolves with how many were worked on. One that fails waits for the end of its lease and holds up no other. */
export async function workOnDue(parts: CommitParts, now: Date): Promise<number> {
  const due = await claimDueCommitments(parts.database, now, CLAIMED);
  for (const work of due) {
    try {
      if (work.state === 'decided') await tell(parts, work, now);
      else await decide(parts, work, { now, quiet: QUIET_NOW, missingGraceMs: MISSING_GRACE_MS });
    } catch (error) {
      await putOff(parts, work, error);
    }
  }
  return due.length;
}

/** A request whose object is gone can never be decided; everything else may pass. */
async function putOff({ database, log }: CommitParts, { commitment }: CommitmentWork, error: unknown): Promise<void> {
  const where = { commitment: commitment.id, reason: describeError(error) };
  if (!(error instanceof PermanentError)) return log.warn(where, 'storage commitment not worked on, trying again');
  log.error(where, 'storage commitment given up');
  await giveUpCommitment(database, commitment.id, { reason: where.reason.slice(0, 500), now: new Date() });
}

/** One step towards the requestor: the hand-off first, then one queued attempt after the other. */
async function tell(parts: CommitParts, work: CommitmentWork, now: Date): Promise<void> {
  const { bus, database, log } = parts;
  const { id } = work.commitment;
  if (!work.handedOver) {
    await handOver(await bus.bucket(HANDOFF.bucket, HANDOFF), work);
    return markHandedOver(database, work.commitment, new Date(now.getTime() + HANDOFF_WAIT_MS));
  }
  if (now.getTime() - (work.decidedAt ?? now).getTime() > GIVE_UP_AFTER_MS) {
    log.error({ commitment: id, callingAe: work.commitment.callingAe, attempts: work.attempts }, 'storage commitment result given up');
    return giveUpCommitment(database, id, { reason: 'not delivered in 7 days', now });
  }
  // No receiver took the last attempt yet: another would only come on top of it.
  const queued = (await bus.queued('COMMITMENTS', commitmentAnswerSubject(id))) > 0;
  const attempts = queued ? work.attempts : work.attempts + 1;
  if (!queued) await queue(bus, answerOf(work, attempts));
  const waitMs = Math.min(FIRST_RETRY_MS * 2 ** Math.max(0, attempts - 1), LONGEST_RETRY_MS);
  await markAttempted(database, id, { attempts, nextAt: new Date(now.getTime() + waitMs) });
}

async function handOver(bucket: Bucket, work: CommitmentWork): Promise<void> {
  const { association, id } = work.commitment;
  await bucket.put(HANDOFF.key(association.replica, id), Buffer.from(JSON.stringify(answerOf(work, 0))));
}

async function queue(bus: Bus, answer: CommitmentAnswer): Promise<void> {
  const { id } = answer.commitment;
  await bus.publish(answer, { subject: commitmentAnswerSubject(id), messageId: `${id}.answer.${answer.id}` });
}

const answerOf = ({ commitment, answerKey }: CommitmentWork, attempt: number): CommitmentAnswer => ({
  ...newEnvelope(attempt),
  type: 'commitment.answer',
  commitment,
  answerKey: answerKey!,
  attempt,
});
