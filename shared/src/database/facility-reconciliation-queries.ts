// received = delivered as those see it who see some facilities only: by facility, and of studies nothing but their own part.
import type { Queryable } from './database.ts';
import { type FacilityScope, instanceWithin, scopeValue } from './facility-scope.ts';
import { OUTCOMES } from './outcomes.ts';
import { type DifferingPage, type DifferingStudy, listDifferingStudies } from './reconciliation-queries.ts';
import { OF_STUDY_MONTHS } from './study-months.ts';

const OWN_OF_STUDY = `i.study_key = n.study_key AND ${OF_STUDY_MONTHS} AND ${instanceWithin('i', '$1')} AND i.object_key LIKE 'received/%'
  AND (i.received_at AT TIME ZONE 'UTC')::date = $2::date`;
const COUNTS = OUTCOMES.map((outcome) => `count(*) FILTER (WHERE i.outcome = '${outcome}') AS ${outcome}`).join(', ');
const text = (keyword: string, name: string): string => `COALESCE(a.attributes->>'${keyword}', '') AS "${name}"`;

/** As listDifferingStudies; described by the first instance of their own. */
export async function listDifferingStudiesWithin(target: Queryable, scope: FacilityScope, page: DifferingPage): Promise<DifferingStudy[]> {
  if (scope === 'all') return listDifferingStudies(target, page);
  const sql = `SELECT d.study_key AS "studyKey", ${text('PatientName', 'patientName')}, ${text('PatientID', 'patientId')},
      ${text('StudyDescription', 'studyDescription')}, c.*
    FROM (SELECT DISTINCT o.study_key FROM study_outcomes o WHERE o.day = $2::date AND o.outcome <> 'delivered' AND o.receipts > 0 AND o.study_key > $3
        AND EXISTS (SELECT FROM facility_studies fs WHERE fs.study_key = o.study_key AND fs.facility = ANY($1::text[]))
      ORDER BY o.study_key LIMIT $4) AS d
    JOIN study_counts n ON n.study_key = d.study_key
    CROSS JOIN LATERAL (SELECT count(*) AS received, ${COUNTS},
        COALESCE(array_agg(DISTINCT i.attributes->>'Modality') FILTER (WHERE i.attributes->>'Modality' <> ''), '{}') AS modalities,
        ARRAY(SELECT DISTINCT name FROM instances i, unnest(i.facilities || i.facility) AS name WHERE ${OWN_OF_STUDY} AND name = ANY($1::text[])) AS facilities
      FROM instances i WHERE ${OWN_OF_STUDY}) AS c
    CROSS JOIN LATERAL (SELECT i.attributes FROM instances i WHERE ${OWN_OF_STUDY} ORDER BY i.receipt_id LIMIT 1) AS a
    ORDER BY d.study_key`;
  const { day, facility, afterStudyKey = '', limit } = page;
  const own = facility === undefined ? scopeValue(scope) : scope.filter((id) => id === facility);
  return target.query<DifferingStudy>(sql, [own, day, afterStudyKey, limit]);
}
