// Deliveries: one row for one instance to one destination, written by facts in any order.
import type { Delivery } from '../events/delivery.ts';
import type { Coercion, Lane } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { earlier, type FactOrder, isoMillis } from './fact-order.ts';

/** What the facts of the services say; a discarding by an operator lies over it (operator-actions.ts). */
export type DeliveryFactState = 'due' | 'parked' | 'retrying' | 'failed' | 'confirmed';
export type DeliveryState = DeliveryFactState | 'discarded';

/** What deliveries of retrievals are filed under: their ids outlive a receipt, because a retrieval that is taken up again may fetch anew. */
export const OF_RETRIEVALS = '00000000-0000-0000-0000-000000000000';

export interface DeliveryRow {
  id: string;
  /** The receipt id, by which its month is found; of a retrieval's: OF_RETRIEVALS. */
  filed_under: string;
  receipt_id: string;
  study_key: string;
  destination: string;
  facility: string | null;
  rule: string;
  configuration_revision: number;
  retrieval_id: string | null;
  fact_state: DeliveryFactState;
  state_order: FactOrder;
  state_at: string;
  generation: number;
  due_at: string;
  attempts: number;
  reason: string | null;
  next_attempt_at: string | null;
  confirmation: string | null;
  warning: string | null;
  digest_delivered: string | null;
  coercion: DeliveryCoercion | null;
  lane: Lane;
}

export interface DeliveryChange {
  readonly state: DeliveryFactState;
  readonly order: FactOrder;
  readonly at: string;
  readonly generation: number;
  readonly attempts?: number;
  readonly reason?: string;
  readonly nextAttemptAt?: string;
  readonly confirmation?: string;
  readonly warning?: string;
  readonly digest?: string;
  readonly coercion?: DeliveryCoercion;
}

/** Rules on delivery that changed what arrived. */
export type DeliveryCoercion = Omit<Coercion, 'object'>;

/** Which instance it delivers. */
export interface Delivered {
  readonly receiptId: string;
  readonly studyKey: string;
  readonly lane: Lane;
}

export function deliveryRowOf(
  delivery: Omit<Delivery, 'instance' | 'compressed' | 'coerced'>,
  delivered: Delivered,
  change: DeliveryChange,
): DeliveryRow {
  return {
    id: delivery.id,
    filed_under: filedUnderOf(delivery.id) === delivered.receiptId ? delivered.receiptId : OF_RETRIEVALS,
    receipt_id: delivered.receiptId,
    study_key: delivered.studyKey,
    destination: delivery.destination,
    facility: delivery.facility ?? null,
    rule: delivery.cause.rule,
    configuration_revision: delivery.cause.revision,
    retrieval_id: delivery.retrievalId ?? null,
    fact_state: change.state,
    state_order: change.order,
    state_at: isoMillis(change.at),
    generation: change.generation,
    due_at: isoMillis(change.at),
    attempts: change.attempts ?? 0,
    reason: change.reason ?? null,
    next_attempt_at: change.nextAttemptAt ? isoMillis(change.nextAttemptAt) : null,
    confirmation: change.confirmation ?? null,
    warning: change.warning ?? null,
    digest_delivered: change.digest ?? null,
    coercion: change.coercion ?? null,
    lane: delivered.lane,
  };
}

/** The newer state; due since the earliest fact. */
export function mergedDelivery(a: DeliveryRow, b: DeliveryRow): DeliveryRow {
  const newer = b.state_order > a.state_order ? b : a;
  return { ...newer, due_at: earlier(a.due_at, b.due_at) };
}

const COLUMNS = {
  receipt_id: 'uuid',
  study_key: 'text',
  destination: 'text',
  facility: 'text',
  rule: 'text',
  configuration_revision: 'integer',
  retrieval_id: 'text',
  fact_state: 'text',
  state_order: 'text',
  state_at: 'timestamptz',
  generation: 'integer',
  attempts: 'integer',
  reason: 'text',
  next_attempt_at: 'timestamptz',
  confirmation: 'text',
  warning: 'text',
  digest_delivered: 'text',
  coercion: 'jsonb',
  lane: 'text',
};
const NAMES = Object.keys(COLUMNS);
const RECORD = Object.entries({ filed_under: 'uuid', id: 'text', due_at: 'timestamptz', ...COLUMNS })
  .map(([name, type]) => `${name} ${type}`)
  .join(', ');
const ALL = ['filed_under', 'id', 'due_at', ...NAMES].join(', ');

const NEWER = 'excluded.state_order > deliveries.state_order';
const UPSERT = `
  INSERT INTO deliveries (${ALL}) SELECT ${ALL} FROM jsonb_to_recordset($1::jsonb) AS r(${RECORD})
  ON CONFLICT (filed_under, id) DO UPDATE SET
    ${NAMES.map((name) => `${name} = CASE WHEN ${NEWER} THEN excluded.${name} ELSE deliveries.${name} END`).join(', ')},
    due_at = LEAST(deliveries.due_at, excluded.due_at)
  WHERE ${NEWER} OR excluded.due_at < deliveries.due_at`;

/** Rows must be sorted by id. */
export async function upsertDeliveries(target: Queryable, rows: DeliveryRow[]): Promise<void> {
  if (rows.length === 0) return;
  await target.query(UPSERT, [JSON.stringify(rows)]);
}

const OF_RECEIPT = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\./;

export const filedUnderOf = (deliveryId: string): string => OF_RECEIPT.exec(deliveryId)?.[1] ?? OF_RETRIEVALS;

/** Under which deliveries with these ids may be filed: asked for beside the ids, so that only their months are looked into. */
export const filedUnder = (deliveryIds: readonly string[]): string[] => [OF_RETRIEVALS, ...new Set(deliveryIds.map(filedUnderOf))];

/** A condition on deliveries `d`: of this receipt. With it only the receipt's own month is looked into. */
export const ofReceipt = (receiptId: string): string =>
  `d.receipt_id = ${receiptId} AND d.filed_under IN (${receiptId}, '${OF_RETRIEVALS}')`;
