// What the page and the API show of studies: newest first, found by words, with what became of their instances and deliveries.
import { type ConflictingReceipt, listConflictingReceipts } from './conflict-rows.ts';
import type { Queryable } from './database.ts';
import type { DeliveryState } from './delivery-rows.ts';
import { prefixQuery } from './search-words.ts';
import { SHOWN_ARRIVAL, type StudyArrival } from './study-arrivals.ts';
import { type Disagreement, disagreementsOf, type StudyFlag } from './study-flags.ts';
import { OF_STUDY_MONTHS } from './study-months.ts';

/** Numbers of deliveries by destination and state; a state without any is absent. */
export type DeliveryCounts = Record<string, Partial<Record<DeliveryState, number>>>;

export interface StudySummary {
  readonly studyKey: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly patientBirthDate: string;
  readonly patientSex: string;
  readonly accessionNumber: string;
  readonly studyDate: string;
  readonly studyTime: string;
  readonly studyDescription: string;
  readonly institutionName: string;
  readonly modalities: string[];
  readonly firstReceivedAt: Date;
  readonly lastReceivedAt: Date;
  readonly facilities: string[];
  /** Different SOP Instance UIDs. */
  readonly instances: number;
  /** Receptions, repeats included. */
  readonly receipts: number;
  readonly held: number;
  readonly quarantined: number;
  /** Received and not routed yet. */
  readonly moving: number;
  readonly deliveries: DeliveryCounts;
  /** SOP Instance UIDs that were received with other content, or for another series. */
  readonly conflicting: number;
  /** About what its instances disagree. */
  readonly flags: StudyFlag[];
  /** null: it came in before this was kept; or, for users of some facilities, what came last is not theirs. */
  readonly arrival: StudyArrival | null;
}

export interface SeriesSummary {
  readonly seriesKey: string;
  readonly modality: string;
  readonly seriesNumber: string;
  readonly seriesDescription: string;
  readonly bodyPart: string;
  readonly instances: number;
  readonly bytes: number;
}

export interface StudiesPage {
  readonly search?: string;
  readonly limit: number;
  /** Where the page before ended. */
  readonly before?: { readonly lastReceivedAt: Date; readonly studyKey: string };
}

/** A rule on receipt, and on how many instances of the study it was applied, or skipped with the reason that the text tells. */
export interface CoercionSummary {
  readonly rule: string;
  readonly skipped: boolean;
  readonly revision: number;
  readonly instances: number;
}

export interface StudyDetail extends StudySummary {
  readonly series: SeriesSummary[];
  readonly coercions: CoercionSummary[];
  readonly conflicts: ConflictingReceipt[];
  /** What its instances say, where they disagree. */
  readonly disagreements: Disagreement[];
}

const STUDY = `s.study_key AS "studyKey", s.patient_name AS "patientName", s.patient_id AS "patientId", s.patient_birth_date AS "patientBirthDate",
  s.patient_sex AS "patientSex", s.accession_number AS "accessionNumber", s.study_date AS "studyDate", s.study_time AS "studyTime",
  s.study_description AS "studyDescription", s.institution_name AS "institutionName", s.modalities, s.first_received_at AS "firstReceivedAt",
  s.last_received_at AS "lastReceivedAt"`;

/** Nothing is counted here: see migration 0012. */
const COUNTS = `COALESCE(n.instances, 0) AS instances, COALESCE(n.receipts, 0) AS receipts, COALESCE(n.held, 0) AS held, COALESCE(n.quarantined, 0) AS quarantined,
  COALESCE(n.moving, 0) AS moving,
  ARRAY(SELECT facility FROM study_facilities WHERE study_key = s.study_key AND receipts > 0 ORDER BY facility) AS facilities,
  (SELECT COALESCE(jsonb_object_agg(destination, states), '{}') FROM (
    SELECT destination, jsonb_object_agg(state, deliveries) AS states FROM study_deliveries WHERE study_key = s.study_key AND deliveries > 0
    GROUP BY destination) AS by_destination) AS deliveries,
  (SELECT count(*) FROM conflicts WHERE study_keys @> ARRAY[s.study_key]) AS conflicting,
  COALESCE((SELECT flags FROM study_flags WHERE study_key = s.study_key), '{}') AS flags,
  (SELECT ${SHOWN_ARRIVAL} FROM study_arrivals a WHERE a.study_key = s.study_key) AS arrival`;
const COUNTED = 'LEFT JOIN study_counts n ON n.study_key = s.study_key';

/** Newest first, by the time of the latest receipt. */
export async function listStudies(target: Queryable, { search, limit, before }: StudiesPage): Promise<StudySummary[]> {
  const query = search === undefined ? undefined : prefixQuery(search);
  const sql = `SELECT ${STUDY}, ${COUNTS} FROM (
      SELECT * FROM studies WHERE ($1::text IS NULL OR search @@ $1::tsquery)
        AND ($2::timestamptz IS NULL OR (last_received_at, study_key) < ($2, $3)) ORDER BY last_received_at DESC, study_key DESC LIMIT $4
    ) AS s ${COUNTED} ORDER BY s.last_received_at DESC, s.study_key DESC`;
  return target.query<StudySummary>(sql, [query ?? null, before?.lastReceivedAt ?? null, before?.studyKey ?? null, limit]);
}

export async function findStudy(target: Queryable, studyKey: string): Promise<StudyDetail | undefined> {
  const [study] = await target.query<StudySummary>(`SELECT ${STUDY}, ${COUNTS} FROM studies s ${COUNTED} WHERE s.study_key = $1`, [
    studyKey,
  ]);
  if (!study) return undefined;
  const series = await target.query<SeriesSummary>(
    `SELECT s.series_key AS "seriesKey", s.modality, s.series_number AS "seriesNumber", s.series_description AS "seriesDescription",
       s.body_part AS "bodyPart", count(DISTINCT i.sop_instance_uid) AS instances, COALESCE(sum(i.size), 0)::float8 AS bytes
     FROM series s JOIN study_counts n USING (study_key)
       LEFT JOIN instances i ON i.study_key = s.study_key AND i.series_key = s.series_key AND ${OF_STUDY_MONTHS} WHERE s.study_key = $1
     GROUP BY s.study_key, s.series_key ORDER BY s.series_number, s.series_key`,
    [studyKey],
  );
  const [coercions, conflicts] = [await listCoercions(target, studyKey), await listConflictingReceipts(target, studyKey)];
  return {
    ...study,
    series,
    coercions,
    conflicts,
    disagreements: study.flags.length === 0 ? [] : await listDisagreements(target, studyKey),
  };
}

/** Only about what it is flagged for. */
async function listDisagreements(target: Queryable, studyKey: string): Promise<Disagreement[]> {
  const said = `SELECT d.* FROM study_counts n CROSS JOIN LATERAL (${disagreementsOf(`i.study_key = n.study_key AND ${OF_STUDY_MONTHS}`)}) d
    WHERE n.study_key = $1 AND d.flag = ANY((SELECT flags FROM study_flags WHERE study_key = $1)::text[])`;
  return target.query<Disagreement>(said, [studyKey]);
}

const MOST_COERCIONS = 100;

async function listCoercions(target: Queryable, studyKey: string): Promise<CoercionSummary[]> {
  const sql = `SELECT told.rule, told.skipped, (compression->>'revision')::integer AS revision, count(*) AS instances
    FROM study_counts n JOIN instances i ON i.study_key = n.study_key AND ${OF_STUDY_MONTHS} CROSS JOIN LATERAL (
      SELECT value AS rule, false AS skipped FROM jsonb_array_elements_text(compression->'coercion'->'rules')
      UNION ALL SELECT value, true FROM jsonb_array_elements_text(COALESCE(compression->'coercion'->'skipped', '[]'))) AS told
    WHERE n.study_key = $1 AND compression->'coercion' IS NOT NULL
    GROUP BY 1, 2, 3 ORDER BY 3, 2, 1 LIMIT ${MOST_COERCIONS}`;
  return target.query<CoercionSummary>(sql, [studyKey]);
}
