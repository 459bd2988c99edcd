// Retention: an object leaves only when every due delivery is confirmed and its facility's retention has passed, or when an operator discarded it.
// The row stays. Deleting is marked first and done then; what a kill leaves between is finished by the sweep.

import { type ObjectKey, type ReceiptId, receivedKey } from '@causeway/shared/brands';
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { type DeletionCandidate, findDeletionCandidates, knownReceipts, markDeleted } from '@causeway/shared/database/retention-queries';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { LedgerMetrics } from './ledger-metrics.ts';
import { factsAreWritten, type QuietOptions } from './quiet.ts';
import { derivedObjects, receivedObjects } from './received-objects.ts';
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
}

/** For an instance whose facility the document no longer has: the schema's own default. */
export const DEFAULT_RETENTION_MS = 7 * 86_400_000;
const PAGE = 500;

/** Resolves with the number of instances whose objects were deleted. Does nothing while facts wait: one of them may set something in motion. */
export async function retain(parts: RetainParts, options: RetainOptions): Promise<number> {
  if (!(await factsAreWritten(parts.bus, options.quiet))) return 0;
  const retentionOf = retentionByFacility(options.document);
  const stumbles = new Stumbles(parts.log);
  const shortestMs = Math.min(DEFAULT_RETENTION_MS, ...options.document.facilities.map(({ retention }) => retention));
  const doneBefore = new Date(options.now.getTime() - shortestMs);
  let count = 0;
  let afterReceiptId: string | undefined;
  for (;;) {
    const page = await findDeletionCandidates(parts.database, { doneBefore, afterReceiptId, limit: PAGE });
    if (page.length === 0) return count;
    const over = page.filter(({ facilities, doneAt }) => doneAt.getTime() + retentionOf(facilities) <= options.now.getTime());
    count += await deleteObjects({ ...parts, stumbles }, over, doneBefore);
    afterReceiptId = page.at(-1)!.receiptId;
  }
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
  doneBefore: Date,
): Promise<number> {
  if (candidates.length === 0) return 0;
  const receiptIds = candidates.map(({ receiptId }) => receiptId);
  const marked = await markDeleted(parts.database, receiptIds, doneBefore);
  for (const candidate of candidates.filter(({ receiptId }) => marked.has(receiptId)))
    await parts.stumbles.over(candidate.objectKey, () => deleteOf(parts.store, candidate));
  parts.metrics.deleted(marked.size);
  if (marked.size > 0) parts.log.info({ instances: marked.size }, 'objects deleted after their retention');
  return marked.size;
}

async function deleteOf(store: ObjectStore, { receiptId, objectKey }: DeletionCandidate): Promise<void> {
  for await (const derived of store.list(`derived/${receiptId}/`)) await store.delete(derived.key);
  // What was retrieved lies in the retriever's cache, which has its own rules.
  if (objectKey.startsWith('received/')) await store.delete(objectKey);
}

/**
 * Finishes deletions that were cut short, and removes derived objects whose receipt is certainly gone: marked as deleted, or unknown to the ledger and
 * without a received object. Everything else stays. Resolves with the number of objects deleted.
 */
export async function sweep(
  { bus, store, database, log }: RetainParts,
  options: { olderThan: Date; quiet: QuietOptions },
): Promise<number> {
  if (!(await factsAreWritten(bus, options.quiet))) return 0;
  const stumbles = new Stumbles(log);
  let count = 0;
  const remove = async (key: ObjectKey, isGone: () => boolean | Promise<boolean>): Promise<void> => {
    const deleted = await stumbles.over(key, async () => {
      if (!(await isGone())) return false;
      await store.delete(key);
      return true;
    });
    if (deleted) count += 1;
  };
  for await (const page of receivedObjects(store, 'received/', options.olderThan)) {
    const known = await knownReceipts(database, idsOf(page));
    for (const { key, receiptId } of page) await remove(key, () => known.get(receiptId)?.objectDeleted ?? false);
  }
  for await (const page of derivedObjects(store, options.olderThan)) {
    const known = await knownReceipts(database, idsOf(page));
    for (const { key, receiptId } of page)
      await remove(key, async () => known.get(receiptId)?.objectDeleted ?? (await store.stat(receivedKey(receiptId))) === undefined);
  }
  if (count > 0) log.info({ objects: count }, 'objects without an owner deleted');
  return count;
}

const idsOf = (page: readonly { receiptId: ReceiptId }[]): ReceiptId[] => [...new Set(page.map(({ receiptId }) => receiptId))];
