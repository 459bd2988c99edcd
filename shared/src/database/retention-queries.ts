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

export interface CandidatesPage {
  /** Whose work ended before. */
  readonly doneBefore: Date;
  readonly afterReceiptId?: string;
  /** Rows looked at, not rows found: what is kept for years must not be read as a whole in each round. */
  readonly limit: number;
}

export interface Candidates {
  readonly candidates: DeletionCandidate[];
  /** Where the next page starts; undefined: there is none. */
  readonly lookedUpTo: string | undefined;
}

/** By the outcome that is kept with the row; markDeleted looks at the deliveries themselves. In the order of receipt ids (time). */
export async function findDeletionCandidates(
  target: Queryable,
  { doneBefore, afterReceiptId, limit }: CandidatesPage,
): Promise<Candidates> {
  const sql = `SELECT i.receipt_id AS "receiptId", i.object_key AS "objectKey", i.facilities, i.done_at AS "doneAt",
      i.done_at < $1 AND (i.outcome = 'delivered' OR i.state = 'discarded') AS over FROM instances i
    WHERE i.object_deleted_at IS NULL AND i.outcome IN ('delivered', 'discarded') AND i.receipt_id <= $2 AND i.receipt_id > $3
    ORDER BY i.receipt_id LIMIT $4`;
  const after = afterReceiptId ?? '00000000-0000-0000-0000-000000000000';
  const rows = await target.query<DeletionCandidate & { over: boolean }>(sql, [doneBefore, lastReceiptIdAt(doneBefore), after, limit]);
  const candidates = rows.filter(({ over }) => over).map(({ over: _, ...candidate }) => candidate);
  return { candidates, lookedUpTo: rows.length < limit ? undefined : rows.at(-1)?.receiptId };
}

/** What was done with before an instant was received before it: receipt ids sort by time (UUIDv7), so younger ones need not be looked at. */
function lastReceiptIdAt(instant: Date): string {
  const millis = Math.max(0, instant.getTime()).toString(16).padStart(12, '0');
  return `${millis.slice(0, 8)}-${millis.slice(8)}-ffff-ffff-ffffffffffff`;
}

/** Why the objects of some receipts may go: see the table deletions. `waited`: the least time that had passed since they were done with. */
export interface Reason {
  readonly cause: 'retention' | 'space';
  readonly doneBefore: Date;
  readonly waitedMs: number;
}

const MARK = `
  WITH marked AS (
    UPDATE instances i SET object_deleted_at = now() WHERE i.receipt_id = ANY($1::uuid[]) AND ${DONE_WITH} AND ${DONE_AT} < $2
    RETURNING i.receipt_id, i.received_at, i.facility, i.facilities, i.size, i.state, i.done_at),
  proven AS (
    SELECT m.*, d.confirmed, d.given_up FROM marked m CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE d.state = 'confirmed') AS confirmed, count(*) FILTER (WHERE d.state = 'discarded') AS given_up
      FROM deliveries d WHERE ${ofReceipt('m.receipt_id')}) AS d),
  proof AS (
    INSERT INTO deletions AS p (hour, cause, day, facility, instances, bytes, confirmed, given_up, discarded, last_done_at, waited)
    SELECT date_trunc('hour', now()), $3, (received_at AT TIME ZONE 'UTC')::date, COALESCE(facilities[1], facility, ''), count(*), sum(size), sum(confirmed),
      sum(given_up), count(*) FILTER (WHERE state = 'discarded'), max(done_at), $4::float8 * interval '1 millisecond'
    FROM proven GROUP BY 3, 4
    ON CONFLICT (hour, cause, day, facility) DO UPDATE SET instances = p.instances + excluded.instances, bytes = p.bytes + excluded.bytes,
      confirmed = p.confirmed + excluded.confirmed, given_up = p.given_up + excluded.given_up, discarded = p.discarded + excluded.discarded,
      last_done_at = GREATEST(p.last_done_at, excluded.last_done_at), waited = LEAST(p.waited, excluded.waited))
  SELECT receipt_id FROM marked`;

/**
 * Marks what is about to be deleted, and writes down why it may be; resolves with those that are marked now. Whatever an operator or a fact set in motion since the
 * candidates were found is not marked. Marking comes first: from then on nobody sets it in motion again, and a deletion that is cut short is finished by the sweep.
 */
export async function markDeleted(
  database: Database,
  receiptIds: readonly string[],
  { cause, doneBefore, waitedMs }: Reason,
): Promise<Set<string>> {
  const marked = await writing(database, (transaction) =>
    transaction.query<{ receipt_id: string }>(MARK, [receiptIds, doneBefore, cause, waitedMs]),
  );
  return new Set(marked.map((row) => row.receipt_id));
}

/** What the ledger knows of these receipts; absent: nothing. */
export async function knownReceipts(target: Queryable, receiptIds: string[]): Promise<Map<string, { objectDeleted: boolean }>> {
  const sql = 'SELECT receipt_id, object_deleted_at IS NOT NULL AS "objectDeleted" FROM instances WHERE receipt_id = ANY($1::uuid[])';
  const rows = await target.query<{ receipt_id: string; objectDeleted: boolean }>(sql, [receiptIds]);
  return new Map(rows.map(({ receipt_id, objectDeleted }) => [receipt_id, { objectDeleted }]));
}
