// What waits for an operator, and how each destination does.
import type { Held } from '../events/facts.ts';
import type { Queryable } from './database.ts';
import type { DeliveryCoercion, DeliveryState } from './delivery-rows.ts';
import { DELIVERIES_OF_STUDY_MONTHS, OF_STUDY_MONTHS } from './study-months.ts';
import { WAITING_GROUP } from './waiting-receipts.ts';

/** The waiting instances of one study that wait for the same reason: a person decides about them together. */
export interface WaitingWork {
  readonly studyKey: string;
  readonly state: 'held' | 'quarantined';
  readonly patientName: string;
  readonly patientId: string;
  readonly studyDescription: string;
  readonly institutionName: string;
  readonly modalities: string[];
  readonly held: Held | null;
  /** Of a quarantine. */
  readonly reason: string | null;
  readonly since: Date;
  readonly instances: number;
  /** By which all of them are asked for (waiting-receipts.ts). */
  readonly group: string;
  /** At most 1,000 of them. */
  readonly receiptIds: string[];
}

/** Studies that have waited longest first, and of them the groups. No more is looked at than what waits of the studies shown. */
export async function listWaitingWork(target: Queryable, limit: number): Promise<WaitingWork[]> {
  const sql = `SELECT w.*, s.patient_name AS "patientName", s.patient_id AS "patientId", s.study_description AS "studyDescription",
      s.institution_name AS "institutionName", s.modalities
    FROM (SELECT * FROM study_counts WHERE held > 0 OR quarantined > 0 ORDER BY first_receipt LIMIT $1) AS n
    CROSS JOIN LATERAL (SELECT i.study_key AS "studyKey", i.state, i.held, i.reason, min(i.state_at) AS since, count(*) AS instances,
        ${WAITING_GROUP} AS "group", (array_agg(i.receipt_id::text ORDER BY i.receipt_id))[1:1000] AS "receiptIds"
      FROM instances i WHERE i.study_key = n.study_key AND i.state IN ('held', 'quarantined') AND ${OF_STUDY_MONTHS}
      GROUP BY i.study_key, i.state, i.held, i.reason) AS w
    JOIN studies s ON s.study_key = n.study_key ORDER BY w.since LIMIT $1`;
  return target.query<WaitingWork>(sql, [limit]);
}

export interface DeliveryEntry {
  readonly id: string;
  readonly receiptId: string;
  readonly studyKey: string;
  readonly sopInstanceUid: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly studyDescription: string;
  readonly destination: string;
  readonly facility: string | null;
  readonly rule: string;
  readonly configurationRevision: number;
  readonly state: DeliveryState;
  readonly stateAt: Date;
  readonly dueAt: Date;
  readonly attempts: number;
  readonly reason: string | null;
  readonly nextAttemptAt: Date | null;
  readonly confirmation: string | null;
  readonly warning: string | null;
  /** What coercion on delivery changed on its way. */
  readonly coercion: DeliveryCoercion | null;
  readonly objectDeleted: boolean;
}

export interface DeliveriesListed {
  readonly state: DeliveryState;
  readonly destination?: string;
  readonly studyKey?: string;
  readonly limit: number;
}

/** Newest change first. */
export async function listDeliveries(target: Queryable, page: DeliveriesListed): Promise<DeliveryEntry[]> {
  const sql = `SELECT d.id, d.receipt_id AS "receiptId", d.study_key AS "studyKey", i.sop_instance_uid AS "sopInstanceUid",
      s.patient_name AS "patientName", s.patient_id AS "patientId", s.study_description AS "studyDescription", d.destination, d.facility, d.rule,
      d.configuration_revision AS "configurationRevision", d.state, d.state_at AS "stateAt", d.due_at AS "dueAt", d.attempts, d.reason,
      d.next_attempt_at AS "nextAttemptAt", d.confirmation, d.warning, d.coercion, i.object_deleted_at IS NOT NULL AS "objectDeleted"
    FROM (SELECT * FROM deliveries WHERE state = $1 AND ($2::text IS NULL OR destination = $2) AND ($3::text IS NULL OR study_key = $3)
      ORDER BY state_at DESC, id LIMIT $4) AS d
    JOIN instances i USING (receipt_id) JOIN studies s ON s.study_key = d.study_key ORDER BY d.state_at DESC, d.id`;
  return target.query<DeliveryEntry>(sql, [page.state, page.destination ?? null, page.studyKey ?? null, page.limit]);
}

/** The failed, or the parked, deliveries of one study to one destination for the same reason: a person decides about them together. */
export interface DeliveryGroup {
  readonly studyKey: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly modalities: string[];
  readonly studyDescription: string;
  readonly destination: string;
  readonly reason: string | null;
  readonly deliveries: number;
  readonly attempts: number;
  readonly latestAt: Date;
  /** Objects that were deleted meanwhile cannot be sent any more. */
  readonly objectsDeleted: number;
}

/** Latest first. No more is looked at than what failed, or is parked, of the studies shown. */
export async function listDeliveryGroups(
  target: Queryable,
  { state, limit }: { state: 'failed' | 'parked'; limit: number },
): Promise<DeliveryGroup[]> {
  const sql = `SELECT g.*, s.patient_name AS "patientName", s.patient_id AS "patientId", s.modalities, s.study_description AS "studyDescription"
    FROM (SELECT study_key, destination FROM study_deliveries WHERE state = $1 AND deliveries > 0 ORDER BY latest_at DESC LIMIT $2) AS f
    JOIN study_counts n USING (study_key)
    CROSS JOIN LATERAL (SELECT d.study_key AS "studyKey", d.destination, d.reason, count(*) AS deliveries, max(d.attempts) AS attempts,
        max(d.state_at) AS "latestAt", count(i.object_deleted_at) AS "objectsDeleted"
      FROM deliveries d JOIN instances i ON i.receipt_id = d.receipt_id AND ${OF_STUDY_MONTHS}
      WHERE d.study_key = f.study_key AND d.destination = f.destination AND d.state = $1 AND ${DELIVERIES_OF_STUDY_MONTHS}
      GROUP BY d.study_key, d.destination, d.reason) AS g
    JOIN studies s ON s.study_key = f.study_key ORDER BY g."latestAt" DESC LIMIT $2`;
  return target.query<DeliveryGroup>(sql, [state, limit]);
}

export interface DestinationWork {
  readonly destination: string;
  readonly open: number;
  readonly parked: number;
  readonly failed: number;
  readonly oldestDueAt: Date | null;
}

/** Destinations that have open, parked or failed deliveries. */
export async function listDestinationWork(target: Queryable): Promise<DestinationWork[]> {
  return target.query<DestinationWork>(`SELECT n.*, (SELECT min(d.due_at) FROM deliveries d
      WHERE d.destination = n.destination AND d.state IN ('due', 'retrying', 'parked') AND n.open + n.parked > 0) AS "oldestDueAt"
    FROM (SELECT destination, COALESCE(sum(deliveries) FILTER (WHERE state IN ('due', 'retrying')), 0)::float8 AS open,
        COALESCE(sum(deliveries) FILTER (WHERE state = 'parked'), 0)::float8 AS parked,
        COALESCE(sum(deliveries) FILTER (WHERE state = 'failed'), 0)::float8 AS failed
      FROM destination_counts GROUP BY destination HAVING sum(deliveries) > 0) AS n`);
}

export interface DestinationState {
  readonly destination: string;
  readonly state: 'open' | 'paused';
  readonly since: Date;
  readonly reason: string | null;
}

export async function listDestinationStates(target: Queryable): Promise<DestinationState[]> {
  return target.query<DestinationState>('SELECT destination, state, state_at AS since, reason FROM destination_states');
}

export interface RetrievalEntry {
  readonly id: string;
  readonly source: string;
  readonly studyInstanceUid: string;
  readonly destinations: string[];
  readonly lane: string;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  readonly state: 'due' | 'fetching' | 'failed' | 'done';
  readonly stateAt: Date;
  readonly instances: number;
  readonly fetched: number;
  readonly fromCache: number;
  readonly reason: string | null;
}

/** Newest first; of one id: that one; of one user: what that user asked for. */
export async function listRetrievals(
  target: Queryable,
  page: { id?: string; requestedBy?: string; limit: number },
): Promise<RetrievalEntry[]> {
  const sql = `SELECT id, source, study_instance_uid AS "studyInstanceUid", destinations, lane, requested_by AS "requestedBy",
      requested_at AS "requestedAt", state, state_at AS "stateAt", instances, fetched, from_cache AS "fromCache", reason
    FROM retrievals WHERE ($1::text IS NULL OR id = $1) AND ($2::text IS NULL OR requested_by = $2) ORDER BY requested_at DESC, id DESC LIMIT $3`;
  return target.query<RetrievalEntry>(sql, [page.id ?? null, page.requestedBy ?? null, page.limit]);
}

export interface AuditEntry {
  readonly id: string;
  readonly at: Date;
  readonly operator: string;
  readonly action: string;
  readonly subject: string;
  /** The API token that acted for the operator; null: a person did, in a session. */
  readonly token: string | null;
}

/** Newest first. `operator` absent: everybody's. */
export async function listOperatorActions(
  target: Queryable,
  { operator, limit }: { operator?: string; limit: number },
): Promise<AuditEntry[]> {
  const sql = `SELECT id, at, operator, action, subject, token FROM operator_actions WHERE $1::text IS NULL OR operator = $1
    ORDER BY at DESC, id DESC LIMIT $2`;
  return target.query<AuditEntry>(sql, [operator ?? null, limit]);
}
