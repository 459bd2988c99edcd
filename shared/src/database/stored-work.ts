// Instances and deliveries read back from their rows as events carry them, so that they can be set in motion again.
import type { ObjectKey, ReceiptId } from '../brands.ts';
import type { Delivery } from '../events/delivery.ts';
import type { Compression, Instance, Lane } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { type DeliveryState, filedUnder, filedUnderOf, ofReceipt } from './delivery-rows.ts';
import { deliveryWithin, type FacilityScope, instanceWithin, scopeValue } from './facility-scope.ts';
import type { InstanceState } from './instance-rows.ts';

export interface StoredInstance {
  readonly instance: Instance;
  readonly facility?: string;
  readonly state: InstanceState;
  readonly generation: number;
  readonly compression?: Compression;
  /** That have a delivery of it, whatever became of it. */
  readonly destinations: string[];
  readonly objectDeleted: boolean;
}

export interface StoredDelivery {
  readonly delivery: Delivery;
  readonly state: DeliveryState;
  readonly generation: number;
  readonly objectDeleted: boolean;
}

interface InstanceRecord {
  receipt_id: ReceiptId;
  study_instance_uid: string | null;
  series_instance_uid: string | null;
  sop_class_uid: string;
  sop_instance_uid: string;
  object_key: ObjectKey;
  size: number;
  digest: string;
  transfer_syntax_uid: string;
  facility: string | null;
  lane: Lane;
  association: Instance['association'];
  attributes: Instance['attributes'];
  received_at: Date;
  state: InstanceState;
  generation: number;
  compression: Compression | null;
  object_deleted_at: Date | null;
}

type InstanceWithDestinations = InstanceRecord & { destinations: string[] };

interface DeliveryRecord {
  delivery_id: string;
  destination: string;
  delivery_facility: string | null;
  rule: string;
  delivery_revision: number;
  retrieval_id: string | null;
  delivery_state: DeliveryState;
  delivery_generation: number;
}

const INSTANCE = `i.receipt_id, i.study_instance_uid, i.series_instance_uid, i.sop_class_uid, i.sop_instance_uid, i.object_key, i.size, i.digest,
  i.transfer_syntax_uid, i.facility, i.lane, i.association, i.attributes, i.received_at, i.state, i.generation, i.compression, i.object_deleted_at`;
const DESTINATIONS = `ARRAY(SELECT d.destination FROM deliveries d WHERE ${ofReceipt('i.receipt_id')} ORDER BY 1) AS destinations`;
const DELIVERY = `d.id AS delivery_id, d.destination, d.facility AS delivery_facility, d.rule, d.configuration_revision AS delivery_revision,
  d.retrieval_id, d.state AS delivery_state, d.generation AS delivery_generation`;

/** Those that concern one of the facilities. */
export async function findInstances(target: Queryable, receiptIds: readonly string[], scope: FacilityScope): Promise<StoredInstance[]> {
  const sql = `SELECT ${INSTANCE}, ${DESTINATIONS} FROM instances i WHERE i.receipt_id = ANY($1::uuid[]) AND ${instanceWithin('i', '$2')}`;
  return (await target.query<InstanceWithDestinations>(sql, [receiptIds, scopeValue(scope)])).map(storedInstance);
}

/** Those that are made on behalf of one of the facilities. */
export async function findDeliveries(target: Queryable, ids: readonly string[], scope: FacilityScope): Promise<StoredDelivery[]> {
  const sql = `SELECT ${INSTANCE}, ${DELIVERY} FROM deliveries d JOIN instances i USING (receipt_id)
    WHERE d.id = ANY($1::text[]) AND d.filed_under = ANY($2::uuid[]) AND ${deliveryWithin('d', '$3')}`;
  return (await target.query<InstanceRecord & DeliveryRecord>(sql, [ids, filedUnder(ids), scopeValue(scope)])).map(storedDelivery);
}

/** Instances that should have gone on and did not, since before `olderThan`; the next page starts after `afterReceiptId`. */
export async function findStuckInstances(
  target: Queryable,
  page: { olderThan: Date; afterReceiptId?: string; limit: number },
): Promise<StoredInstance[]> {
  const sql = `SELECT ${INSTANCE}, ${DESTINATIONS} FROM instances i WHERE i.state IN ('received', 'ready') AND i.state_at < $1 AND i.object_deleted_at IS NULL
    AND ($2::uuid IS NULL OR i.receipt_id > $2) ORDER BY i.receipt_id LIMIT $3`;
  const values = [page.olderThan, page.afterReceiptId ?? null, page.limit];
  return (await target.query<InstanceWithDestinations>(sql, values)).map(storedInstance);
}

/** Instances that are held since a revision before `revision` was asked; the next page starts after `afterReceiptId`. */
export async function findHeldInstances(
  target: Queryable,
  page: { revision: number; afterReceiptId?: string; limit: number },
): Promise<StoredInstance[]> {
  const sql = `SELECT ${INSTANCE}, ${DESTINATIONS} FROM instances i WHERE i.state = 'held' AND i.configuration_revision < $1
    AND i.object_deleted_at IS NULL AND ($2::uuid IS NULL OR i.receipt_id > $2) ORDER BY i.receipt_id LIMIT $3`;
  const values = [page.revision, page.afterReceiptId ?? null, page.limit];
  return (await target.query<InstanceWithDestinations>(sql, values)).map(storedInstance);
}

export interface DeliveriesPage {
  readonly destination?: string;
  /** Only to one of these. */
  readonly destinations?: readonly string[];
  readonly studyKey?: string;
  readonly states: readonly DeliveryState[];
  /** Only those whose state is older. */
  readonly olderThan?: Date;
  readonly afterId?: string;
  /** Absent: on whosever behalf. */
  readonly scope?: FacilityScope;
  readonly limit: number;
}

/** In the order of what they are filed under and their ids; the next page starts after `afterId`. Those whose object is deleted are left out. */
export async function findDeliveriesInState(target: Queryable, page: DeliveriesPage): Promise<StoredDelivery[]> {
  // Picked before they are joined, in the order of an index; OFFSET 0 keeps the question for the object from becoming a join.
  const picked = `SELECT d.* FROM deliveries d
    WHERE d.state = ANY($1::text[]) AND ($2::text IS NULL OR d.destination = $2) AND ($3::timestamptz IS NULL OR d.state_at < $3)
      AND ($4::text IS NULL OR (d.filed_under, d.id) > ($8::uuid, $4)) AND ($5::text IS NULL OR d.study_key = $5)
      AND ($7::text[] IS NULL OR d.destination = ANY($7)) AND ${deliveryWithin('d', '$9')}
      AND EXISTS (SELECT FROM instances i WHERE i.receipt_id = d.receipt_id AND i.object_deleted_at IS NULL OFFSET 0)
    ORDER BY d.filed_under, d.id LIMIT $6`;
  const sql = `SELECT ${INSTANCE}, ${DELIVERY} FROM (${picked}) AS d JOIN instances i USING (receipt_id) ORDER BY d.filed_under, d.id`;
  const { states, destination = null, destinations = null, olderThan = null, afterId = null, studyKey = null, scope = 'all', limit } = page;
  const after = afterId === null ? null : filedUnderOf(afterId);
  const values = [states, destination, olderThan, afterId, studyKey, limit, destinations, after, scopeValue(scope)];
  return (await target.query<InstanceRecord & DeliveryRecord>(sql, values)).map(storedDelivery);
}

/** Destinations with deliveries that are due or retrying since before `olderThan`. */
export async function destinationsWithOldWork(target: Queryable, olderThan: Date): Promise<string[]> {
  const sql = `SELECT DISTINCT n.destination FROM destination_counts n WHERE n.deliveries > 0 AND EXISTS (
    SELECT FROM deliveries d WHERE d.destination = n.destination AND d.state = n.state AND d.state IN ('due', 'retrying') AND d.state_at < $1)`;
  return (await target.query<{ destination: string }>(sql, [olderThan])).map((row) => row.destination);
}

function storedInstance(row: InstanceWithDestinations): StoredInstance {
  const { state, generation, destinations } = row;
  const compression = row.compression ?? undefined;
  return {
    instance: instanceOf(row),
    facility: row.facility ?? undefined,
    state,
    generation,
    compression,
    destinations,
    objectDeleted: row.object_deleted_at !== null,
  };
}

function storedDelivery(row: InstanceRecord & DeliveryRecord): StoredDelivery {
  const delivery: Delivery = {
    id: row.delivery_id,
    destination: row.destination,
    facility: row.delivery_facility ?? undefined,
    cause: { rule: row.rule, revision: row.delivery_revision },
    instance: instanceOf(row),
    compressed: row.compression?.object,
    coerced: row.compression?.coercion?.object,
    retrievalId: row.retrieval_id ?? undefined,
  };
  return { delivery, state: row.delivery_state, generation: row.delivery_generation, objectDeleted: row.object_deleted_at !== null };
}

function instanceOf(row: InstanceRecord): Instance {
  return {
    receiptId: row.receipt_id,
    receivedAt: row.received_at.toISOString(),
    objectKey: row.object_key,
    size: row.size,
    digest: row.digest,
    transferSyntaxUid: row.transfer_syntax_uid,
    sopClassUid: row.sop_class_uid,
    sopInstanceUid: row.sop_instance_uid,
    studyInstanceUid: row.study_instance_uid ?? undefined,
    seriesInstanceUid: row.series_instance_uid ?? undefined,
    lane: row.lane,
    association: row.association,
    attributes: row.attributes,
  };
}
