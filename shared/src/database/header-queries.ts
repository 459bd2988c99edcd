// Headers of received instances as the ledger keeps them, for explaining what was done to them and for rehearsing a draft document on them.
import { uuidV7 } from '../brands.ts';
import type { Held } from '../events/facts.ts';
import type { AssociationFacts, Lane } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { type DeliveryState, OF_RETRIEVALS } from './delivery-rows.ts';
import { type FacilityScope, instanceWithin, scopeValue } from './facility-scope.ts';
import type { InstanceState } from './instance-rows.ts';
import { OF_STUDY_MONTHS } from './study-months.ts';

export interface ReceivedHeader {
  readonly receiptId: string;
  readonly receivedAt: Date;
  readonly studyInstanceUid: string | null;
  readonly sopClassUid: string;
  readonly association: AssociationFacts;
  readonly attributes: Readonly<Record<string, string>>;
  /** That compressed it, and that routed it; null: not yet. */
  readonly compressionRevision: number | null;
  readonly routingRevision: number | null;
  /** When the first instance of its study was received. */
  readonly studyBeganAt: Date | null;
}

/** With what became of it. `fetched`: from an archive, by a retrieval. */
export interface DecidedInstance extends ReceivedHeader {
  readonly state: InstanceState;
  readonly lane: Lane;
  readonly held: Held | null;
  readonly fetched: boolean;
  /** It concerns one of the facilities asked for. */
  readonly within: boolean;
}

export interface RecordedDelivery {
  readonly receiptId: string;
  readonly destination: string;
  readonly facility: string | null;
  readonly rule: string;
  readonly revision: number;
  readonly state: DeliveryState;
}

const HEADER = `i.receipt_id AS "receiptId", i.received_at AS "receivedAt", i.study_instance_uid AS "studyInstanceUid", i.sop_class_uid AS "sopClassUid",
  i.association, i.attributes, (i.compression->>'revision')::integer AS "compressionRevision", i.configuration_revision AS "routingRevision",
  s.first_received_at AS "studyBeganAt"`;
const FROM = 'FROM instances i LEFT JOIN studies s USING (study_key)';
const RECEIVED = `i.object_key LIKE 'received/%'`;

/** The first receipt id of the newest `most` that were received since then: receipt ids sort by time. undefined: there are none. */
export async function firstReceiptOfNewest(target: Queryable, { since, most }: { since: Date; most: number }): Promise<string | undefined> {
  const sql = `SELECT receipt_id AS "receiptId" FROM (SELECT receipt_id FROM instances i WHERE receipt_id >= $1::uuid AND ${RECEIVED}
    ORDER BY receipt_id DESC LIMIT $2) AS newest ORDER BY receipt_id LIMIT 1`;
  return (await target.query<{ receiptId: string }>(sql, [firstReceiptAt(since), most]))[0]?.receiptId;
}

/** UUIDv7: the time, and the lowest of what may stand behind it. */
const firstReceiptAt = (time: Date): string => `${uuidV7(time.getTime()).slice(0, 13)}-7000-8000-000000000000`;

export interface HeadersPage {
  /** The first receipt id, or that behind which the page begins. */
  readonly from?: string;
  readonly after?: string;
  readonly limit: number;
}

/** In the order of their receipt. */
export async function findReceivedHeaders(target: Queryable, { from, after, limit }: HeadersPage): Promise<ReceivedHeader[]> {
  const sql = `SELECT ${HEADER} ${FROM} WHERE ${RECEIVED} AND i.receipt_id >= COALESCE($1::uuid, $2::uuid) AND ($2::uuid IS NULL OR i.receipt_id > $2)
    ORDER BY i.receipt_id LIMIT $3`;
  return target.query<ReceivedHeader>(sql, [from ?? null, after ?? null, limit]);
}

const DECIDED = `${HEADER}, i.state, i.lane, i.held, NOT ${RECEIVED} AS fetched`;

export interface StudyHeadersPage {
  readonly scope: FacilityScope;
  readonly limit: number;
}

/** All of them, whosever they are: what one without the tag follows may be another's. In the order of their receipt. */
export async function findStudyHeaders(
  target: Queryable,
  studyKey: string,
  { scope, limit }: StudyHeadersPage,
): Promise<DecidedInstance[]> {
  const sql = `SELECT ${DECIDED}, ${instanceWithin('i', '$3')} AS within FROM study_counts n
      JOIN instances i ON i.study_key = n.study_key AND ${OF_STUDY_MONTHS} LEFT JOIN studies s ON s.study_key = n.study_key
    WHERE n.study_key = $1 ORDER BY i.receipt_id LIMIT $2`;
  return target.query<DecidedInstance>(sql, [studyKey, limit, scopeValue(scope)]);
}

/** `studyKey`: of the study that it is shown in. undefined: it is not known, or concerns none of the facilities. */
export async function findHeader(
  target: Queryable,
  receiptId: string,
  scope: FacilityScope,
): Promise<(DecidedInstance & { studyKey: string }) | undefined> {
  const sql = `SELECT ${DECIDED}, true AS within, i.study_key AS "studyKey" ${FROM} WHERE i.receipt_id = $1 AND ${instanceWithin('i', '$2')}`;
  return (await target.query<DecidedInstance & { studyKey: string }>(sql, [receiptId, scopeValue(scope)]))[0];
}

export async function countStudyInstances(target: Queryable, studyKey: string, scope: FacilityScope): Promise<number> {
  const sql = `SELECT count(*) AS instances FROM study_counts n JOIN instances i ON i.study_key = n.study_key AND ${OF_STUDY_MONTHS}
    WHERE n.study_key = $1 AND ${instanceWithin('i', '$2')}`;
  return (await target.query<{ instances: number }>(sql, [studyKey, scopeValue(scope)]))[0]?.instances ?? 0;
}

export async function findRecordedDeliveries(target: Queryable, receiptIds: readonly string[]): Promise<RecordedDelivery[]> {
  const sql = `SELECT receipt_id AS "receiptId", destination, facility, rule, configuration_revision AS revision, state FROM deliveries
    WHERE receipt_id = ANY($1::uuid[]) AND filed_under = ANY($2::uuid[]) ORDER BY receipt_id, due_at, id`;
  return target.query<RecordedDelivery>(sql, [receiptIds, [OF_RETRIEVALS, ...receiptIds]]);
}
