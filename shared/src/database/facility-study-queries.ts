// Studies as those see them who see some facilities only: of a study that others have a part in too, nothing but their own part.
import type { ConflictingReceipt } from './conflict-rows.ts';
import type { Queryable } from './database.ts';
import { deliveryWithin, type FacilityScope, instanceWithin } from './facility-scope.ts';
import { prefixQuery } from './search-words.ts';
import { SHOWN_ARRIVAL } from './study-arrivals.ts';
import { type Disagreement, disagreementsOf, flagsOf } from './study-flags.ts';
import { DELIVERIES_OF_STUDY_MONTHS, OF_STUDY_MONTHS } from './study-months.ts';
import {
  type CoercionSummary,
  findStudy,
  listStudies,
  type SeriesSummary,
  type StudiesPage,
  type StudyDetail,
  type StudySummary,
} from './study-queries.ts';

/** In every query of this file $1 is the facilities. */
const OWN = instanceWithin('i', '$1');
/** Instances `i` of the study of `n` (study_counts) that are their own. */
const OWN_OF_STUDY = `i.study_key = n.study_key AND ${OF_STUDY_MONTHS} AND ${OWN}`;
const text = (keyword: string): string => `COALESCE(d.attributes->>'${keyword}', '')`;

/** Where endpoints differ is told to the users of the hub. */
const OWN_HUB = 'i.facility = ANY($1::text[])';
const OWN_FLAGS = `CASE WHEN EXISTS (SELECT FROM study_flags g WHERE g.study_key = n.study_key) THEN ${flagsOf(OWN_OF_STUDY, OWN_HUB)} ELSE '{}' END`;

/** Told only where what came last is their own: how another facility's association ended is not theirs to know. */
const OWN_ARRIVAL = `(SELECT ${SHOWN_ARRIVAL} FROM study_arrivals a JOIN instances i ON i.receipt_id = a.last_receipt WHERE a.study_key = n.study_key AND ${OWN})`;

/**
 * The description is that of the earliest instance of their own: the study's row may have that of another facility's.
 * Counted from the instances, by the index on the study.
 */
const SHOWN = `s.study_key AS "studyKey", ${text('PatientName')} AS "patientName", ${text('PatientID')} AS "patientId",
  ${text('PatientBirthDate')} AS "patientBirthDate", ${text('PatientSex')} AS "patientSex", ${text('AccessionNumber')} AS "accessionNumber",
  ${text('StudyDate')} AS "studyDate", ${text('StudyTime')} AS "studyTime", ${text('StudyDescription')} AS "studyDescription",
  ${text('InstitutionName')} AS "institutionName", t.*, f.facilities, o.deliveries, c.conflicting, ${OWN_FLAGS} AS flags, ${OWN_ARRIVAL} AS arrival`;

const COUNTED = `
  CROSS JOIN LATERAL (SELECT count(DISTINCT i.sop_instance_uid) AS instances, count(*) AS receipts, count(*) FILTER (WHERE i.state = 'held') AS held,
      count(*) FILTER (WHERE i.state = 'quarantined') AS quarantined, count(*) FILTER (WHERE i.state IN ('received', 'ready')) AS moving,
      min(i.received_at) AS "firstReceivedAt", max(i.received_at) AS "lastReceivedAt",
      COALESCE(array_agg(DISTINCT i.attributes->>'Modality') FILTER (WHERE i.attributes->>'Modality' <> ''), '{}') AS modalities
    FROM instances i WHERE ${OWN_OF_STUDY}) t
  CROSS JOIN LATERAL (SELECT COALESCE(array_agg(DISTINCT name ORDER BY name), '{}') AS facilities FROM (
    SELECT unnest(i.facilities || i.facility) AS name FROM instances i WHERE ${OWN_OF_STUDY}) AS names WHERE name = ANY($1::text[])) f
  CROSS JOIN LATERAL (SELECT COALESCE(jsonb_object_agg(destination, states), '{}') AS deliveries FROM (
    SELECT destination, jsonb_object_agg(state, counted) AS states FROM (
      SELECT d.destination, d.state, count(*) AS counted FROM deliveries d
      WHERE d.study_key = n.study_key AND ${DELIVERIES_OF_STUDY_MONTHS} AND ${deliveryWithin('d', '$1')} GROUP BY 1, 2) AS by_state
    GROUP BY destination) AS by_destination) o
  CROSS JOIN LATERAL (SELECT count(*) AS conflicting FROM (${ownConflicts('s.study_key')}) AS own) c`;

/** SOP Instance UIDs of the study whose receipts conflict even if one knows of no others than one's own. */
function ownConflicts(studyKey: string): string {
  const otherContent = 'count(DISTINCT (i.transfer_syntax_uid, i.digest)) > count(DISTINCT i.transfer_syntax_uid)';
  const otherSeries = 'count(DISTINCT (i.study_key, i.series_key)) > 1';
  return `SELECT k.sop_instance_uid, ${otherContent} AS other_content, ${otherSeries} AS other_series FROM conflicts k JOIN instances i USING (sop_instance_uid)
    WHERE k.study_keys @> ARRAY[${studyKey}] AND i.object_key LIKE 'received/%' AND ${OWN} GROUP BY k.sop_instance_uid
    HAVING (${otherContent} OR ${otherSeries}) AND bool_or(i.study_key = ${studyKey})`;
}

/** Beside the study `s`. */
const DESCRIBING = `JOIN study_counts n ON n.study_key = s.study_key CROSS JOIN LATERAL (SELECT i.receipt_id, i.attributes FROM instances i WHERE ${OWN_OF_STUDY}
  ORDER BY i.receipt_id LIMIT 1) d`;

/**
 * The words that find a study ($2) are those of its row. They count only if they are also those that are shown: else a search would tell of another facility's patient.
 */
const FOUND = `($2::text IS NULL OR s.search @@ $2::tsquery AND (d.receipt_id = s.described_by
  OR (${text('PatientName')}, ${text('PatientID')}, ${text('AccessionNumber')}, ${text('StudyDescription')}, ${text('InstitutionName')})
    = (s.patient_name, s.patient_id, s.accession_number, s.study_description, s.institution_name)))`;

/** A study that concerns several of the facilities counts where it was received last. */
const NEWEST = `SELECT s.*, fs.last_received_at AS sorted_at FROM facility_studies fs JOIN studies s USING (study_key) ${DESCRIBING}
  WHERE fs.facility = own.facility AND ${FOUND} AND ($3::timestamptz IS NULL OR (fs.last_received_at, fs.study_key) < ($3, $4))
    AND NOT EXISTS (SELECT 1 FROM facility_studies other WHERE other.study_key = fs.study_key AND other.facility = ANY($1::text[])
      AND (other.last_received_at, other.facility) > (fs.last_received_at, fs.facility))
  ORDER BY fs.last_received_at DESC, fs.study_key DESC LIMIT $5`;

/** Newest first, by the time of the latest receipt that concerned one of the facilities. */
export async function listStudiesWithin(target: Queryable, scope: FacilityScope, page: StudiesPage): Promise<StudySummary[]> {
  if (scope === 'all') return listStudies(target, page);
  const { search, limit, before } = page;
  const sql = `SELECT ${SHOWN} FROM (SELECT newest.* FROM unnest($1::text[]) AS own(facility) CROSS JOIN LATERAL (${NEWEST}) AS newest
      ORDER BY newest.sorted_at DESC, newest.study_key DESC LIMIT $5) AS s ${DESCRIBING} ${COUNTED} ORDER BY s.sorted_at DESC, s.study_key DESC`;
  const query = search === undefined ? undefined : prefixQuery(search);
  return target.query<StudySummary>(sql, [scope, query ?? null, before?.lastReceivedAt ?? null, before?.studyKey ?? null, limit]);
}

/** undefined: it is not known, or nothing of it is theirs. */
export async function findStudyWithin(target: Queryable, scope: FacilityScope, studyKey: string): Promise<StudyDetail | undefined> {
  if (scope === 'all') return findStudy(target, studyKey);
  const values = [scope, studyKey];
  const [study] = await target.query<StudySummary>(
    `SELECT ${SHOWN} FROM studies s ${DESCRIBING} ${COUNTED} WHERE s.study_key = $2`,
    values,
  );
  if (study === undefined) return undefined;
  const series = await target.query<SeriesSummary>(SERIES, values);
  const [coercions, conflicts] = [
    await target.query<CoercionSummary>(COERCIONS, values),
    await target.query<ConflictingReceipt>(CONFLICTS, values),
  ];
  const disagreements = study.flags.length === 0 ? [] : await target.query<Disagreement>(DISAGREEMENTS, [...values, study.flags]);
  return { ...study, series, coercions, conflicts, disagreements };
}

const DISAGREEMENTS = `SELECT d.* FROM study_counts n CROSS JOIN LATERAL (${disagreementsOf(OWN_OF_STUDY, OWN_HUB)}) d
  WHERE n.study_key = $2 AND d.flag = ANY($3::text[])`;

const SERIES = `SELECT s.series_key AS "seriesKey", ${text('Modality')} AS modality, ${text('SeriesNumber')} AS "seriesNumber",
    ${text('SeriesDescription')} AS "seriesDescription", ${text('BodyPartExamined')} AS "bodyPart", s.instances, s.bytes
  FROM (SELECT i.series_key, count(DISTINCT i.sop_instance_uid) AS instances, COALESCE(sum(i.size), 0)::float8 AS bytes
    FROM study_counts n JOIN instances i ON ${OWN_OF_STUDY} WHERE n.study_key = $2 GROUP BY i.series_key) AS s
  CROSS JOIN LATERAL (SELECT i.attributes FROM study_counts n JOIN instances i ON ${OWN_OF_STUDY}
    WHERE n.study_key = $2 AND i.series_key = s.series_key ORDER BY i.receipt_id LIMIT 1) d
  ORDER BY 3, 1`;

const COERCIONS = `SELECT told.rule, told.skipped, (i.compression->>'revision')::integer AS revision, count(*) AS instances
  FROM study_counts n JOIN instances i ON ${OWN_OF_STUDY} CROSS JOIN LATERAL (
    SELECT value AS rule, false AS skipped FROM jsonb_array_elements_text(i.compression->'coercion'->'rules')
    UNION ALL SELECT value, true FROM jsonb_array_elements_text(COALESCE(i.compression->'coercion'->'skipped', '[]'))) AS told
  WHERE n.study_key = $2 AND i.compression->'coercion' IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 3, 2, 1 LIMIT 100`;

const CONFLICTS = `SELECT c.sop_instance_uid AS "sopInstanceUid", c.other_content AS "otherContent", c.other_series AS "otherSeries",
    i.receipt_id AS "receiptId", i.received_at AS "receivedAt", i.study_key AS "studyKey", i.series_key AS "seriesKey", i.digest,
    i.transfer_syntax_uid AS "transferSyntaxUid", i.size::float8 AS size, i.association->>'callingAe' AS "callingAe", i.association->>'source' AS source
  FROM (${ownConflicts('$2')}) AS c JOIN instances i USING (sop_instance_uid)
  WHERE i.object_key LIKE 'received/%' AND ${OWN} ORDER BY c.sop_instance_uid, i.receipt_id LIMIT 200`;
