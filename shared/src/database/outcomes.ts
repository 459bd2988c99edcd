// What became of each receipt as a whole: its own state, and those of all its deliveries. Every receipt has exactly one outcome, so received = delivered + open +
// held + failed + quarantined + discarded + undirected, by study, day and facility.
import type { Queryable } from './database.ts';
import { filedUnder, ofReceipt } from './delivery-rows.ts';

/**
 * delivered: every due delivery is confirmed (or given up beside one that is). open: on its way, or not all is known yet. failed: a delivery is, and none is on its way.
 * discarded: given up by an operator. undirected: routed to nowhere. held, quarantined: waits for a person, whatever else was delivered of it.
 */
export const OUTCOMES = ['delivered', 'open', 'held', 'failed', 'quarantined', 'discarded', 'undirected'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** A delivery's state that is none of the last two waits for something, whatever it is called. */
const SETTLE = `
  WITH now AS (
    SELECT i.receipt_id, GREATEST(i.state_at, i.discarded_at, d.last_at) AS last_at, CASE
      WHEN i.state IN ('held', 'quarantined', 'discarded') THEN i.state
      WHEN i.state <> 'routed' OR d.open > 0 THEN 'open'
      WHEN d.failed > 0 THEN 'failed'
      WHEN i.configuration_revision IS NULL AND i.object_key LIKE 'received/%' THEN 'open'
      WHEN d.confirmed > 0 THEN 'delivered'
      WHEN d.every > 0 THEN 'discarded'
      ELSE 'undirected' END AS outcome
    FROM instances i CROSS JOIN LATERAL (
      SELECT count(*) FILTER (WHERE d.state NOT IN ('failed', 'confirmed', 'discarded')) AS open, count(*) FILTER (WHERE d.state = 'failed') AS failed,
        count(*) FILTER (WHERE d.state = 'confirmed') AS confirmed, count(*) AS every, max(GREATEST(d.state_at, d.discarded_at)) AS last_at
      FROM deliveries d WHERE ${ofReceipt('i.receipt_id')}) AS d
    WHERE i.receipt_id = ANY($1::uuid[])),
  settled AS (SELECT receipt_id, outcome, CASE WHEN outcome IN ('delivered', 'discarded') THEN last_at END AS done_at FROM now)
  UPDATE instances i SET outcome = s.outcome, done_at = s.done_at FROM settled s
  WHERE i.receipt_id = s.receipt_id AND i.receipt_id = ANY($1::uuid[]) AND (i.outcome, i.done_at) IS DISTINCT FROM (s.outcome, s.done_at)`;

const RECEIPTS_OF = 'SELECT DISTINCT receipt_id FROM deliveries WHERE id = ANY($1::text[]) AND filed_under = ANY($2::uuid[])';

/** After instances and deliveries were written, in the same transaction, which must hold the lock of write-lock.ts. */
export async function settleOutcomes(transaction: Queryable, receiptIds: readonly string[]): Promise<void> {
  if (receiptIds.length > 0) await transaction.query(SETTLE, [receiptIds]);
}

/** The receipts that these deliveries are of. */
export async function receiptsOfDeliveries(target: Queryable, deliveryIds: readonly string[]): Promise<string[]> {
  if (deliveryIds.length === 0) return [];
  return (await target.query<{ receipt_id: string }>(RECEIPTS_OF, [deliveryIds, filedUnder(deliveryIds)])).map(
    ({ receipt_id }) => receipt_id,
  );
}
