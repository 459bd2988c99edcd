// The audit of what persons did, and the one effect it has on the ledger: what an operator discarded is discarded.
import type { FactOf } from '../events/facts.ts';
import type { Queryable } from './database.ts';
import { filedUnder } from './delivery-rows.ts';
import { DELIVERY_RANK, INSTANCE_RANK, isoMillis } from './fact-order.ts';

export interface OperatorActionRow {
  id: string;
  at: string;
  operator: string;
  action: FactOf<'ledger.operator.acted'>['action'];
  subject: string;
  generation: number;
  token: string | null;
}

export function operatorActionRowOf(fact: FactOf<'ledger.operator.acted'>): OperatorActionRow {
  const { id, operator, action, subject, generation, token = null } = fact;
  return { id, at: isoMillis(fact.occurredAt), operator, action, subject, generation, token };
}

const INSERT = `
  INSERT INTO operator_actions SELECT * FROM jsonb_populate_recordset(NULL::operator_actions, $1::jsonb) ON CONFLICT (id) DO NOTHING`;

/** Rows must be sorted by id. */
export async function insertOperatorActions(target: Queryable, rows: OperatorActionRow[]): Promise<void> {
  if (rows.length > 0) await target.query(INSERT, [JSON.stringify(rows)]);
}

/** The order (fact-order.ts) of a discarding, built in SQL from its stored action. */
const orderOf = (rank: number): string =>
  `(lpad(generation::text, 10, '0') || '.${rank}.' || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '.' || id) COLLATE "C"`;

const newestDiscarding = (action: string, rank: number): string => `
  SELECT DISTINCT ON (subject) subject, at, ${orderOf(rank)} AS discarding_order FROM operator_actions
  WHERE action = '${action}' AND subject = ANY($1::text[]) ORDER BY subject, discarding_order DESC`;

const DISCARD_INSTANCES = `
  UPDATE instances SET discarded_order = d.discarding_order, discarded_at = d.at
  FROM (${newestDiscarding('instance-discarded', INSTANCE_RANK.discarded)}) AS d
  WHERE instances.receipt_id = d.subject::uuid AND instances.receipt_id = ANY($1::text[]::uuid[]) AND d.discarding_order > COALESCE(instances.discarded_order, '')`;

const DISCARD_DELIVERIES = `
  UPDATE deliveries SET discarded_order = d.discarding_order, discarded_at = d.at
  FROM (${newestDiscarding('delivery-discarded', DELIVERY_RANK.discarded)}) AS d
  WHERE deliveries.id = d.subject AND deliveries.filed_under = ANY($2::uuid[]) AND d.discarding_order > COALESCE(deliveries.discarded_order, '')`;

/**
 * Lets discardings take effect on these receipts and deliveries. Called for those a batch wrote as well as for those it discarded,
 * because a discarding may be known before the row it discards.
 */
export async function applyDiscardings(target: Queryable, rows: { receiptIds: string[]; deliveryIds: string[] }): Promise<void> {
  const receiptIds = rows.receiptIds.filter(isReceiptId);
  if (receiptIds.length > 0) await target.query(DISCARD_INSTANCES, [receiptIds]);
  if (rows.deliveryIds.length > 0) await target.query(DISCARD_DELIVERIES, [rows.deliveryIds, filedUnder(rows.deliveryIds)]);
}

/** A subject that is no receipt id discards nothing, and must not spoil its batch. */
export const isReceiptId = (subject: string): boolean => UUID.test(subject);

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
