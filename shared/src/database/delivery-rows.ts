// Deliveries: one row for one instance to one destination, written by facts in any order.
import type { Delivery } from '../events/delivery.ts';
import type { Lane } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { earlier, type FactOrder, isoMillis } from './fact-order.ts';

/** What the facts of the services say; a discarding by an operator lies over it (operator-actions.ts). */
export type DeliveryFactState = 'due' | 'parked' | 'retrying' | 'failed' | 'confirmed';
export type DeliveryState = DeliveryFactState | 'discarded';

export interface DeliveryRow {
  id: string;
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
}

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
  lane: 'text',
};
const NAMES = Object.keys(COLUMNS);
const RECORD = Object.entries({ id: 'text', due_at: 'timestamptz', ...COLUMNS })
  .map(([name, type]) => `${name} ${type}`)
  .join(', ');
const ALL = ['id', 'due_at', ...NAMES].join(', ');

const UPSERT = `
  INSERT INTO deliveries (${ALL}) SELECT ${ALL} FROM jsonb_to_recordset($1::jsonb) AS r(${RECORD})
  ON CONFLICT (id) DO UPDATE SET
    ${NAMES.map((name) => `${name} = excluded.${name}`).join(', ')}, due_at = LEAST(deliveries.due_at, excluded.due_at)
  WHERE excluded.state_order > deliveries.state_order`;

const EARLIER_DUE = `
  UPDATE deliveries SET due_at = r.due_at FROM jsonb_to_recordset($1::jsonb) AS r(id text, due_at timestamptz)
  WHERE deliveries.id = r.id AND r.due_at < deliveries.due_at`;

/** Rows must be sorted by id. */
export async function upsertDeliveries(target: Queryable, rows: DeliveryRow[]): Promise<void> {
  if (rows.length === 0) return;
  await target.query(UPSERT, [JSON.stringify(rows)]);
  await target.query(EARLIER_DUE, [JSON.stringify(rows.map(({ id, due_at }) => ({ id, due_at })))]);
}
