// Retrievals, and the states of destinations: small tables, written by facts in any order.
import type { FactOf } from '../events/facts.ts';
import type { Retrieval } from '../events/retrieval.ts';
import type { Queryable } from './database.ts';
import { earlier, type FactOrder, factOrder, isoMillis, RETRIEVAL_RANK } from './fact-order.ts';

export interface RetrievalRow {
  id: string;
  source: string;
  study_instance_uid: string;
  destinations: string[];
  lane: string;
  requested_by: string;
  requested_at: string;
  state: 'due' | 'fetching' | 'failed' | 'done';
  state_order: FactOrder;
  state_at: string;
  generation: number;
  instances: number;
  fetched: number;
  from_cache: number;
  reason: string | null;
}

export interface DestinationStateRow {
  destination: string;
  state: 'open' | 'paused';
  state_order: FactOrder;
  state_at: string;
  reason: string | null;
}

type Progress = Pick<RetrievalRow, 'state' | 'instances' | 'fetched' | 'from_cache' | 'reason'>;

const NOT_BEGUN: Progress = { state: 'due', instances: 0, fetched: 0, from_cache: 0, reason: null };

/** The row of a retrieval that was asked for and of which no fact came yet. */
export function dueRetrievalRow(retrieval: Retrieval, envelope: { id: string; occurredAt: string; generation: number }): RetrievalRow {
  return retrievalRow(retrieval, envelope, NOT_BEGUN);
}

export function retrievalRowOf(fact: FactOf<'ledger.retrieval.changed'>): RetrievalRow {
  const { state, instances, fetched, fromCache, reason } = fact;
  return retrievalRow(fact.retrieval, fact, { state, instances, fetched, from_cache: fromCache, reason: reason ?? null });
}

function retrievalRow(
  retrieval: Retrieval,
  envelope: { id: string; occurredAt: string; generation: number },
  progress: Progress,
): RetrievalRow {
  const at = isoMillis(envelope.occurredAt);
  return {
    id: retrieval.id,
    source: retrieval.source,
    study_instance_uid: retrieval.studyInstanceUid,
    destinations: retrieval.destinations,
    lane: retrieval.lane,
    requested_by: retrieval.requestedBy,
    requested_at: at,
    state_order: factOrder(envelope, RETRIEVAL_RANK[progress.state]),
    state_at: at,
    generation: envelope.generation,
    ...progress,
  };
}

export function mergedRetrieval(a: RetrievalRow, b: RetrievalRow): RetrievalRow {
  const newer = b.state_order > a.state_order ? b : a;
  return { ...newer, requested_at: earlier(a.requested_at, b.requested_at) };
}

/** Pausing and resuming have no generations of work: the time alone orders them. */
export function destinationStateRowOf(fact: FactOf<'ledger.destination.changed'>): DestinationStateRow {
  const order = factOrder({ ...fact, generation: 0 }, 0);
  return {
    destination: fact.destination,
    state: fact.state,
    state_order: order,
    state_at: isoMillis(fact.occurredAt),
    reason: fact.reason ?? null,
  };
}

export const mergedDestinationState = (a: DestinationStateRow, b: DestinationStateRow): DestinationStateRow =>
  b.state_order > a.state_order ? b : a;

const UPSERT_RETRIEVALS = `
  INSERT INTO retrievals SELECT * FROM jsonb_populate_recordset(NULL::retrievals, $1::jsonb)
  ON CONFLICT (id) DO UPDATE SET
    requested_at = LEAST(retrievals.requested_at, excluded.requested_at), state = excluded.state, state_order = excluded.state_order,
    state_at = excluded.state_at, generation = excluded.generation, instances = excluded.instances, fetched = excluded.fetched,
    from_cache = excluded.from_cache, reason = excluded.reason
  WHERE excluded.state_order > retrievals.state_order`;

const EARLIER_REQUEST = `
  UPDATE retrievals SET requested_at = r.requested_at FROM jsonb_to_recordset($1::jsonb) AS r(id text, requested_at timestamptz)
  WHERE retrievals.id = r.id AND r.requested_at < retrievals.requested_at`;

const UPSERT_DESTINATION_STATES = `
  INSERT INTO destination_states SELECT * FROM jsonb_populate_recordset(NULL::destination_states, $1::jsonb)
  ON CONFLICT (destination) DO UPDATE SET
    state = excluded.state, state_order = excluded.state_order, state_at = excluded.state_at, reason = excluded.reason
  WHERE excluded.state_order > destination_states.state_order`;

/** Rows must be sorted by id. */
export async function upsertRetrievals(target: Queryable, rows: RetrievalRow[]): Promise<void> {
  if (rows.length === 0) return;
  await target.query(UPSERT_RETRIEVALS, [JSON.stringify(rows)]);
  await target.query(EARLIER_REQUEST, [JSON.stringify(rows)]);
}

/** Rows must be sorted by destination. */
export async function upsertDestinationStates(target: Queryable, rows: DestinationStateRow[]): Promise<void> {
  if (rows.length > 0) await target.query(UPSERT_DESTINATION_STATES, [JSON.stringify(rows)]);
}
