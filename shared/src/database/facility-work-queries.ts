// Work as those see it who see some facilities only. What describes a patient comes from the instances themselves, never from the study's row, which another facility may have described.
import type { Queryable } from './database.ts';
import { deliveryWithin, type FacilityScope, instanceWithin } from './facility-scope.ts';
import { type OpenWork, openWork } from './open-work.ts';
import { INCOMPLETE } from './study-arrivals.ts';
import { flagsOf } from './study-flags.ts';
import { DELIVERIES_OF_STUDY_MONTHS, OF_STUDY_MONTHS } from './study-months.ts';
import { WAITING_GROUP } from './waiting-receipts.ts';
import {
  type DeliveriesListed,
  type DeliveryEntry,
  type DeliveryGroup,
  type DestinationWork,
  listDeliveries,
  listDeliveryGroups,
  listDestinationWork,
  listWaitingWork,
  type WaitingWork,
} from './work-queries.ts';

/** In every query of this file $1 is the facilities. */
const OWN = instanceWithin('i', '$1');
/** Where endpoints differ is told to the users of the hub. */
const OWN_HUB = 'i.facility = ANY($1::text[])';
const OWN_DELIVERY = deliveryWithin('d', '$1');
const text = (keyword: string): string => `COALESCE(i.attributes->>'${keyword}', '')`;
const MODALITIES = `COALESCE(array_agg(DISTINCT i.attributes->>'Modality') FILTER (WHERE i.attributes->>'Modality' <> ''), '{}') AS modalities`;
const PATIENT = `${text('PatientName')} AS "patientName", ${text('PatientID')} AS "patientId", ${text('StudyDescription')} AS "studyDescription"`;

/** Studies that ever concerned one of the facilities: the others need not be looked into. */
const MAYBE_OWN = 'EXISTS (SELECT FROM facility_studies fs WHERE fs.study_key = c.study_key AND fs.facility = ANY($1::text[]))';

const WAITING = `SELECT w.*, ${PATIENT}, ${text('InstitutionName')} AS "institutionName"
  FROM (SELECT * FROM study_counts c WHERE (held > 0 OR quarantined > 0) AND ${MAYBE_OWN}) AS n
  CROSS JOIN LATERAL (SELECT i.study_key AS "studyKey", i.state, i.held, i.reason, min(i.state_at) AS since, count(*) AS instances,
      ${WAITING_GROUP} AS "group", (array_agg(i.receipt_id::text ORDER BY i.receipt_id))[1:1000] AS "receiptIds", ${MODALITIES}
    FROM instances i WHERE i.study_key = n.study_key AND i.state IN ('held', 'quarantined') AND ${OF_STUDY_MONTHS} AND ${OWN}
    GROUP BY i.study_key, i.state, i.held, i.reason) AS w
  JOIN instances i ON i.receipt_id = (w."receiptIds")[1]::uuid ORDER BY w.since LIMIT $2`;

export async function listWaitingWorkWithin(target: Queryable, scope: FacilityScope, limit: number): Promise<WaitingWork[]> {
  if (scope === 'all') return listWaitingWork(target, limit);
  return target.query<WaitingWork>(WAITING, [scope, limit]);
}

const DELIVERIES = `SELECT d.id, d.receipt_id AS "receiptId", d.study_key AS "studyKey", i.sop_instance_uid AS "sopInstanceUid", ${PATIENT}, d.destination,
    d.facility, d.rule, d.configuration_revision AS "configurationRevision", d.state, d.state_at AS "stateAt", d.due_at AS "dueAt", d.attempts, d.reason,
    d.next_attempt_at AS "nextAttemptAt", d.confirmation, d.warning, i.object_deleted_at IS NOT NULL AS "objectDeleted"
  FROM deliveries d JOIN instances i USING (receipt_id)
  WHERE ${OWN_DELIVERY} AND d.state = $2 AND ($3::text IS NULL OR d.destination = $3) AND ($4::text IS NULL OR d.study_key = $4)
  ORDER BY d.state_at DESC, d.id LIMIT $5`;

export async function listDeliveriesWithin(target: Queryable, scope: FacilityScope, page: DeliveriesListed): Promise<DeliveryEntry[]> {
  if (scope === 'all') return listDeliveries(target, page);
  const { state, destination = null, studyKey = null, limit } = page;
  return target.query<DeliveryEntry>(DELIVERIES, [scope, state, destination, studyKey, limit]);
}

const GROUPS = `SELECT g.*, ${PATIENT}
  FROM (SELECT study_key, destination FROM study_deliveries c WHERE state = $2 AND deliveries > 0 AND ${MAYBE_OWN}) AS f
  JOIN study_counts n USING (study_key)
  CROSS JOIN LATERAL (SELECT d.study_key AS "studyKey", d.destination, d.reason, count(*) AS deliveries, max(d.attempts) AS attempts,
      max(d.state_at) AS "latestAt", count(i.object_deleted_at) AS "objectsDeleted", min(d.receipt_id::text)::uuid AS first, ${MODALITIES}
    FROM deliveries d JOIN instances i ON i.receipt_id = d.receipt_id AND ${OF_STUDY_MONTHS}
    WHERE d.study_key = f.study_key AND d.destination = f.destination AND d.state = $2 AND ${DELIVERIES_OF_STUDY_MONTHS} AND ${OWN_DELIVERY}
    GROUP BY d.study_key, d.destination, d.reason) AS g
  JOIN instances i ON i.receipt_id = g.first ORDER BY g."latestAt" DESC LIMIT $3`;

export async function listDeliveryGroupsWithin(
  target: Queryable,
  scope: FacilityScope,
  { state, limit }: { state: 'failed' | 'parked'; limit: number },
): Promise<DeliveryGroup[]> {
  if (scope === 'all') return listDeliveryGroups(target, { state, limit });
  const rows = await target.query<DeliveryGroup & { first: string }>(GROUPS, [scope, state, limit]);
  return rows.map(({ first: _, ...group }) => group);
}

const DESTINATIONS = `SELECT d.destination, count(*) FILTER (WHERE d.state IN ('due', 'retrying')) AS open,
    count(*) FILTER (WHERE d.state = 'parked') AS parked, count(*) FILTER (WHERE d.state = 'failed') AS failed,
    min(d.due_at) FILTER (WHERE d.state <> 'failed') AS "oldestDueAt"
  FROM deliveries d WHERE d.state IN ('due', 'retrying', 'parked', 'failed') AND ${OWN_DELIVERY} GROUP BY d.destination`;

export async function listDestinationWorkWithin(target: Queryable, scope: FacilityScope): Promise<DestinationWork[]> {
  return scope === 'all' ? listDestinationWork(target) : target.query<DestinationWork>(DESTINATIONS, [scope]);
}

const OPEN = `SELECT
  (SELECT count(*) FROM instances i WHERE i.state = 'held' AND ${OWN}) AS held,
  (SELECT count(*) FROM instances i WHERE i.state = 'quarantined' AND ${OWN}) AS quarantined,
  (SELECT count(*) FROM deliveries d WHERE d.state = 'failed' AND ${OWN_DELIVERY}) AS failed,
  (SELECT count(*) FROM deliveries d WHERE d.state IN ('due', 'retrying') AND ${OWN_DELIVERY}) AS open,
  (SELECT count(*) FROM deliveries d WHERE d.state = 'parked' AND ${OWN_DELIVERY}) AS parked,
  (SELECT count(*) FROM (SELECT 1 FROM conflicts c JOIN instances i USING (sop_instance_uid) WHERE i.object_key LIKE 'received/%' AND ${OWN}
    GROUP BY c.sop_instance_uid HAVING count(DISTINCT (i.transfer_syntax_uid, i.digest)) > count(DISTINCT i.transfer_syntax_uid)
      OR count(DISTINCT (i.study_key, i.series_key)) > 1) AS own) AS conflicting,
  (SELECT count(*) FROM study_flags c JOIN study_counts n USING (study_key)
    WHERE ${MAYBE_OWN} AND cardinality(${flagsOf(`i.study_key = n.study_key AND ${OF_STUDY_MONTHS} AND ${OWN}`, OWN_HUB)}) > 0) AS flagged,
  (SELECT count(*) FROM study_arrivals a JOIN instances i ON i.receipt_id = a.last_receipt WHERE ${INCOMPLETE} AND ${OWN}) AS incomplete,
  COALESCE((SELECT GREATEST(0, extract(epoch FROM now() - min(d.due_at)))::float8 FROM deliveries d
    WHERE d.state IN ('due', 'retrying', 'parked') AND ${OWN_DELIVERY}), 0) AS "oldestOpenSeconds"`;

export async function openWorkWithin(target: Queryable, scope: FacilityScope): Promise<OpenWork> {
  return scope === 'all' ? openWork(target) : (await target.query<OpenWork>(OPEN, [scope]))[0]!;
}

/** Every facility that these instances concern: who discards one takes it from all of them. */
export async function facilitiesOfInstances(target: Queryable, receiptIds: readonly string[]): Promise<Set<string>> {
  const sql = `SELECT DISTINCT name FROM instances i CROSS JOIN LATERAL unnest(i.facilities || i.facility || (i.held->>'facility')
      || ARRAY(SELECT jsonb_array_elements_text(COALESCE(i.held->'candidates', '[]')))) AS name
    WHERE i.receipt_id = ANY($1::uuid[]) AND name IS NOT NULL`;
  return new Set((await target.query<{ name: string }>(sql, [receiptIds])).map(({ name }) => name));
}
