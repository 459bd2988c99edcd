// What may be deleted, and what is known of the objects in the store. An object that is not certainly done with is kept.
import type { ObjectKey, ReceiptId } from '../brands.ts';
import type { Database, Queryable } from './database.ts';
import { ofReceipt } from './delivery-rows.ts';
import { writing } from './write-lock.ts';

export interface DeletionCandidate {
  readonly receiptId: ReceiptId;
  readonly objectKey: ObjectKey;
  readonly facilities: string[];
  /** The last time anything happened to it or one of its deliveries. */
  readonly doneAt: Date;
}

const OF = ofReceipt('i.receipt_id');
/**
 * Done with: the whole routing decision is known (or the instance was retrieved, or discarded by an operator), no delivery is open or failed,
 * and at least one was confirmed, unless an operator discarded it.
 */
const DONE_WITH = `i.object_deleted_at IS NULL AND i.state IN ('routed', 'discarded')
  AND (i.state = 'discarded' OR i.configuration_revision IS NOT NULL OR i.object_key LIKE 'retrieved/%')
  AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE ${OF} AND d.state NOT IN ('confirmed', 'discarded'))
  AND (i.state = 'discarded' OR EXISTS (SELECT 1 FROM deliveries d WHERE ${OF} AND d.state = 'confirmed'))`;
const DONE_AT = `GREATEST(i.state_at, i.discarded_at,
  (SELECT max(GREATEST(d.state_at, d.discarded_at)) FROM deliveries d WHERE ${OF}))`;

/** By the outcome that is kept with the row; markDeleted looks at the deliveries themselves. In the order of receipt ids (time); the next page starts after `afterReceiptId`. */
export async function findDeletionCandidates(
  target: Queryable,
  page: { doneBefore: Date; afterReceiptId?: string; limit: number },
): Promise<DeletionCandidate[]> {
  const sql = `SELECT i.receipt_id AS "receiptId", i.object_key AS "objectKey", i.facilities, i.done_at AS "doneAt" FROM instances i
    WHERE i.object_deleted_at IS NULL AND i.outcome IN ('delivered', 'discarded') AND (i.outcome = 'delivered' OR i.state = 'discarded')
      AND i.done_at < $1 AND i.receipt_id <= $2 AND i.receipt_id > $3 ORDER BY i.receipt_id LIMIT $4`;
  const after = page.afterReceiptId ?? '00000000-0000-0000-0000-000000000000';
  return target.query<DeletionCandidate>(sql, [page.doneBefore, lastReceiptIdAt(page.doneBefore), after, page.limit]);
}

/** What was done with before an instant was received before it: receipt ids sort by time (UUIDv7), so younger ones need not be looked at. */
function lastReceiptIdAt(instant: Date): string {
  const millis = Math.max(0, instant.getTime()).toString(16).padStart(12, '0');
  return `${millis.slice(0, 8)}-${millis.slice(8)}-ffff-ffff-ffffffffffff`;
}

/**
 * Marks what is about to be deleted; resolves with those that are marked now. Whatever an operator or a fact set in motion since the candidates were
 * found is not marked. Marking comes first: from then on nobody sets it in motion again, and a deletion that is cut short is finished by the sweep.
 */
export async function markDeleted(database: Database, receiptIds: string[], doneBefore: Date): Promise<Set<string>> {
  const sql = `UPDATE instances i SET object_deleted_at = now() WHERE i.receipt_id = ANY($1::uuid[]) AND ${DONE_WITH} AND ${DONE_AT} < $2
    RETURNING i.receipt_id`;
  const marked = await writing(database, (transaction) => transaction.query<{ receipt_id: string }>(sql, [receiptIds, doneBefore]));
  return new Set(marked.map((row) => row.receipt_id));
}

/** What the ledger knows of these receipts; absent: nothing. */
export async function knownReceipts(target: Queryable, receiptIds: string[]): Promise<Map<string, { objectDeleted: boolean }>> {
  const sql = 'SELECT receipt_id, object_deleted_at IS NOT NULL AS "objectDeleted" FROM instances WHERE receipt_id = ANY($1::uuid[])';
  const rows = await target.query<{ receipt_id: string; objectDeleted: boolean }>(sql, [receiptIds]);
  return new Map(rows.map(({ receipt_id, objectDeleted }) => [receipt_id, { objectDeleted }]));
}
