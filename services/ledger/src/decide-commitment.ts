// Decides on a storage commitment request: each reference is safe, fails for a reason, or is not decided yet. At the deadline everything is decided.
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import type { Bus } from '@causeway/shared/bus/bus';
import { type CommitmentWork, decideCommitment, postponeCommitment } from '@causeway/shared/database/commitment-rows';
import type { Database } from '@causeway/shared/database/database';
import { findKeptReceipts, type KeptReceipt } from '@causeway/shared/database/safekeeping';
import { FAILURE_REASON, type FailureReason } from '@causeway/shared/dicom/storage-commitment/push-model';
import { type CommitmentRequest, type CommitmentResult, commitmentRequest } from '@causeway/shared/events/commitment';
import type { Logger } from '@causeway/shared/logger';
import { readJsonObject, writeJsonObject } from '@causeway/shared/object-store/json-objects';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { Turns } from '@causeway/shared/object-store/turns';
import { type Judgement, judgeReference } from './judge-reference.ts';
import { instancesAreQuiet, type QuietOptions } from './quiet.ts';

export interface DecideParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly database: Database;
  readonly log: Logger;
}

export interface DecideOptions {
  readonly now: Date;
  readonly quiet: QuietOptions;
  /** How long after the request a missing instance may still come, ms. */
  readonly missingGraceMs: number;
}

/** A gateway that is never quiet does not put off for ever what it never received: by then reconciliation has found every object (upkeep.ts), ms. */
const MISSING_AT_MOST_MS = 30 * 60_000;
const PAGE = 1_000;
/** Objects asked for in the store at a time. */
const CONCURRENT_STATS = 16;
/** Looks are soon at first (facts of the last instances are on their way), then rare. */
const FIRST_LOOK_MS = 500;
const LONGEST_LOOK_MS = 30_000;
/** Of the failures of one request, kept for the page. */
const MAX_SHOWN_FAILURES = 200;

/** True when its result lies in the store and can be told; else it is looked at again later. Throws TransientError. */
export async function decide(parts: DecideParts, work: CommitmentWork, options: DecideOptions): Promise<boolean> {
  const request = await readJsonObject(parts.store, work.commitment.requestKey, commitmentRequest);
  const judgements = work.duplicate
    ? request.references.map(() => FAILURE_REASON.duplicateTransactionUid)
    : await finalised(parts, { work, options, judgements: await judgeAll(parts, work, request) });
  if (!judgements.every(isFinal)) {
    const waitMs = Math.min(FIRST_LOOK_MS * 2 ** work.looks, LONGEST_LOOK_MS);
    await postponeCommitment(parts.database, work.commitment.id, earlierOf(work.deadlineAt, new Date(options.now.getTime() + waitMs)));
    return false;
  }
  return keepResult(parts, { work, now: options.now, result: resultOf(request, judgements) });
}

type FinalJudgement = 'safe' | FailureReason;
const isFinal = (judgement: Judgement): judgement is FinalJudgement => judgement === 'safe' || typeof judgement === 'number';
const earlierOf = (a: Date, b: Date): Date => (a < b ? a : b);

/** In the order of the references. */
async function judgeAll(parts: DecideParts, { after, commitment }: CommitmentWork, request: CommitmentRequest): Promise<Judgement[]> {
  const { sopClassUids, references, unsupported } = request;
  const judgements: Judgement[] = [];
  const turns = new Turns(CONCURRENT_STATS);
  const isThere = (receipt: KeptReceipt) => turns.take(() => isInStore(parts, receipt));
  for (let start = 0; start < references.length; start += PAGE) {
    const page = references.slice(start, start + PAGE);
    const rows = await findKeptReceipts(
      parts.database,
      page.map(([, sopInstanceUid]) => sopInstanceUid),
    );
    const receipts = Map.groupBy(rows, ({ sopInstanceUid }) => sopInstanceUid);
    const judged = page.map(([index, sopInstanceUid]) => {
      if (unsupported.includes(index)) return FAILURE_REASON.sopClassNotSupported;
      const by = { after, callingAe: commitment.callingAe, sopClassUid: sopClassUids[index] ?? '', isThere };
      return judgeReference(receipts.get(sopInstanceUid) ?? [], by);
    });
    judgements.push(...(await Promise.all(judged)));
  }
  return judgements;
}

async function isInStore({ store, log }: DecideParts, { objectKey, size }: KeptReceipt): Promise<boolean> {
  const found = await store.stat(objectKey);
  if (found?.size === size) return true;
  const where = { objectKey, size, found: found?.size };
  log.error(where, 'an object in custody is not in the store in its size: it is not committed; look at the storage');
  return false;
}

/** What is still open becomes a failure when its time is over. */
async function finalised(
  parts: DecideParts,
  { work, options, judgements }: { work: CommitmentWork; options: DecideOptions; judgements: Judgement[] },
): Promise<Judgement[]> {
  const isLate = options.now >= work.deadlineAt;
  const isMissing = isLate || (judgements.includes('unknown') && (await surelyMissing(parts, work, options)));
  return judgements.map((judgement) => {
    if (judgement === 'unknown' && isMissing) return FAILURE_REASON.noSuchObjectInstance;
    return judgement === 'pending' && isLate ? FAILURE_REASON.processingFailure : judgement;
  });
}

/**
 * What was answered 0000 before the request came has its event in JetStream: once no event waits before the router and every fact is written, the ledger
 * knows it. A grace is added for requestors that ask while they still send.
 */
async function surelyMissing({ bus }: DecideParts, { commitment }: CommitmentWork, options: DecideOptions): Promise<boolean> {
  const ageMs = options.now.getTime() - Date.parse(commitment.requestedAt);
  if (ageMs < options.missingGraceMs) return false;
  return ageMs >= MISSING_AT_MOST_MS || instancesAreQuiet(bus, options.quiet);
}

function resultOf({ commitment, sopClassUids, references }: CommitmentRequest, judgements: readonly Judgement[]): CommitmentResult {
  const committed = references.filter((_, at) => judgements[at] === 'safe');
  const failed = references.flatMap(([index, uid], at): [number, string, number][] =>
    judgements[at] === 'safe' ? [] : [[index, uid, judgements[at] as FailureReason]],
  );
  return { transactionUid: commitment.transactionUid, sopClassUids, committed, failed };
}

/** A key of its own for each try: no two writers ever write one key. */
async function keepResult(
  { store, database, log }: DecideParts,
  { work, now, result }: { work: CommitmentWork; now: Date; result: CommitmentResult },
): Promise<boolean> {
  const { id, callingAe } = work.commitment;
  const answerKey = commitmentKey(id, `result-${uuidV7()}`);
  await writeJsonObject(store, answerKey, result);
  const { committed, failed, sopClassUids } = result;
  const failures = failed
    .slice(0, MAX_SHOWN_FAILURES)
    .map(([index, sopInstanceUid, reason]) => ({ sopClassUid: sopClassUids[index] ?? '', sopInstanceUid, reason }));
  const first = await decideCommitment(database, id, { answerKey, committed: committed.length, failed: failed.length, failures, now });
  if (first) log.info({ commitment: id, callingAe, committed: committed.length, failed: failed.length }, 'storage commitment decided');
  else await store.delete(answerKey);
  return first;
}
