// Retention: an object leaves only when every due delivery is confirmed and its facility's retention has passed, or when an operator discarded it.
// The row stays, and so does the proof of why it was allowed (table deletions). Deleting is marked first and done then; what a kill leaves between is finished by the sweep.
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { type DeletionCandidate, findDeletionCandidates, markDeleted, type Reason } from '@causeway/shared/database/retention-queries';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { LedgerMetrics } from './ledger-metrics.ts';
import { factsAreWritten, type QuietOptions } from './quiet.ts';
import { Stumbles } from './stumbles.ts';

export interface RetainParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly database: Database;
  readonly log: Logger;
  readonly metrics: Pick<LedgerMetrics, 'deleted'>;
}

export interface RetainOptions {
  readonly document: GatewayDocument;
  readonly now: Date;
  readonly quiet: QuietOptions;
  /** Where the round before stopped looking; absent: at the oldest. */
  readonly after?: string;
  /** Instances a second; absent: 500. */
  readonly mostPerSecond?: number;
}

export interface Retained {
  /** Instances whose objects were deleted. */
  readonly deleted: number;
  /** To be given to the next round; undefined: everything was looked at. */
  readonly after: string | undefined;
}

/** For an instance whose facility the document no longer has: the schema's own default. */
export const DEFAULT_RETENTION_MS = 7 * 86_400_000;
/** A disk that receives images has more to do than to delete: a tenth of what a folder store can. */
const MOST_PER_SECOND = 500;
const PAGE = 500;
/** Looked at in one round, so that what is kept for years costs little: a million instances in an hour. */
const MOST_LOOKED_AT = 100_000;
/** Deleted in one round: reconciliation has its turn every few minutes, whatever there is to delete. */
const MOST_A_ROUND = 50_000;

/** Does nothing while facts wait: one of them may set something in motion. */
export async function retain(parts: RetainParts, options: RetainOptions): Promise<Retained> {
  if (!(await factsAreWritten(parts.bus, options.quiet))) return { deleted: 0, after: options.after };
  const { facilities } = options.document;
  const retentionOf = retentionByFacility(options.document);
  const waitedMs = Math.min(DEFAULT_RETENTION_MS, ...facilities.map(({ retention }) => retention));
  const isOver = ({ facilities, doneAt }: DeletionCandidate): boolean =>
    doneAt.getTime() + retentionOf(facilities) <= options.now.getTime();
  const doneBefore = new Date(options.now.getTime() - waitedMs);
  return deletePages(parts, { ...options, isOver, reason: { cause: 'retention', doneBefore, waitedMs } });
}

export interface DeletionPages extends Pick<RetainOptions, 'after' | 'mostPerSecond'> {
  readonly reason: Reason;
  readonly isOver: (candidate: DeletionCandidate) => boolean;
  /** Asked after each page. */
  readonly isEnough?: () => Promise<boolean>;
}

/** Oldest first, page by page, no faster than allowed. */
export async function deletePages(parts: RetainParts, { reason, isOver, isEnough, ...options }: DeletionPages): Promise<Retained> {
  const stumbles = new Stumbles(parts.log);
  const pace = pacing(options.mostPerSecond ?? MOST_PER_SECOND);
  let [deleted, looked, after] = [0, 0, options.after];
  while (looked < MOST_LOOKED_AT && deleted < MOST_A_ROUND) {
    const page = await findDeletionCandidates(parts.database, { doneBefore: reason.doneBefore, afterReceiptId: after, limit: PAGE });
    const gone = await deleteObjects({ ...parts, stumbles }, page.candidates.filter(isOver), reason);
    deleted += gone;
    looked += PAGE;
    after = page.lookedUpTo;
    if (after === undefined || (await isEnough?.()) === true) break;
    await pace(gone);
  }
  return { deleted, after };
}

/** Waits so long that the work done so far was not too much for the time since the start. */
function pacing(mostPerSecond: number): (more: number) => Promise<void> {
  const began = performance.now();
  let done = 0;
  return async (more) => {
    done += more;
    const waitMs = began + (done / mostPerSecond) * 1_000 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
  };
}

/** Of several facilities the longest retention holds. */
function retentionByFacility({ facilities }: GatewayDocument): (ids: string[]) => number {
  const known = new Map(facilities.map(({ id, retention }) => [id, retention]));
  return (ids) => (ids.length === 0 ? DEFAULT_RETENTION_MS : Math.max(...ids.map((id) => known.get(id) ?? DEFAULT_RETENTION_MS)));
}

/** What cannot be deleted now stays marked: the sweep deletes it. */
async function deleteObjects(
  parts: RetainParts & { stumbles: Stumbles },
  candidates: DeletionCandidate[],
  reason: Reason,
): Promise<number> {
  if (candidates.length === 0) return 0;
  const receiptIds = candidates.map(({ receiptId }) => receiptId);
  const marked = await markDeleted(parts.database, receiptIds, reason);
  for (const candidate of candidates.filter(({ receiptId }) => marked.has(receiptId)))
    await parts.stumbles.over(candidate.objectKey, () => deleteOf(parts.store, candidate));
  parts.metrics.deleted(marked.size);
  if (marked.size > 0) parts.log.info({ instances: marked.size, cause: reason.cause }, 'objects deleted');
  return marked.size;
}

async function deleteOf(store: ObjectStore, { receiptId, objectKey }: DeletionCandidate): Promise<void> {
  for await (const derived of store.list(`derived/${receiptId}/`)) await store.delete(derived.key);
  // What was retrieved lies in the retriever's cache, which has its own rules.
  if (objectKey.startsWith('received/')) await store.delete(objectKey);
}
