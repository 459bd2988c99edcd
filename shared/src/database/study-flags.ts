// Studies whose instances disagree: about the patient, or about where a hub's mapping tag sends them. One Study Instance UID is one examination of one patient
// (PS3.3 section A.1.2), so somebody is in error; it is shown, and never holds anything up.
import type { Queryable } from './database.ts';
import { OF_STUDY_MONTHS } from './study-months.ts';

export const STUDY_FLAGS = ['endpoints', 'patient'] as const;
/** `patient`: another Patient ID, issuer, name, birth date or sex; `endpoints`: instances that one hub received go to different endpoints. */
export type StudyFlag = (typeof STUDY_FLAGS)[number];

/** Only what is decided counts: before, coercion may not have been made, and a hub's rules not been asked. */
const DECIDED = `i.fact_state IN ('routed', 'held') AND i.object_key LIKE 'received/%'`;
const ENDPOINTS = `array_to_string(ARRAY(SELECT name FROM unnest(i.facilities) AS name ORDER BY 1), ',')`;
/** Of the same hub, and sent on: who waits has no endpoint yet. */
const SENT_ON = `i.fact_state = 'routed' AND i.facility IS NOT NULL AND i.facilities <> '{}'`;

const REMEMBER = `
  INSERT INTO study_variants (study_key, kind, value)
  SELECT study_key, kind, value FROM (
    SELECT i.study_key, 'patient' AS kind, patient_of(i.attributes) AS value FROM instances i WHERE i.receipt_id = ANY($1::uuid[]) AND ${DECIDED}
    UNION SELECT i.study_key, 'endpoints ' || i.facility, ${ENDPOINTS} FROM instances i WHERE i.receipt_id = ANY($1::uuid[]) AND ${DECIDED} AND ${SENT_ON}
  ) AS said ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING`;

const COMPARED = `SELECT DISTINCT study_key FROM study_variants WHERE study_key = ANY($1::text[]) GROUP BY study_key, kind HAVING count(*) > 1`;

/** SQL: the flags that instances `i` give together. `hub`: a further condition on those whose endpoints are compared. */
export const flagsOf = (where: string, hub = 'true'): string => `array_remove(ARRAY[
    CASE WHEN EXISTS (SELECT FROM instances i WHERE ${where} AND ${DECIDED} AND ${SENT_ON} AND ${hub}
      GROUP BY i.facility HAVING count(DISTINCT ${ENDPOINTS}) > 1) THEN 'endpoints' END,
    CASE WHEN (SELECT count(DISTINCT patient_of(i.attributes)) FROM instances i WHERE ${where} AND ${DECIDED}) > 1 THEN 'patient' END], NULL)`;

const COMPARE = `
  WITH now AS (SELECT n.study_key, ${flagsOf(`i.study_key = n.study_key AND ${OF_STUDY_MONTHS}`)} AS flags
    FROM study_counts n WHERE n.study_key = ANY($1::text[])),
  cleared AS (DELETE FROM study_flags f USING now WHERE f.study_key = now.study_key AND now.flags = '{}')
  INSERT INTO study_flags (study_key, flags) SELECT study_key, flags FROM now WHERE flags <> '{}'
  ON CONFLICT (study_key) DO UPDATE SET flags = excluded.flags WHERE study_flags.flags <> excluded.flags`;

/**
 * After these instances were written, in the same transaction. What each study said so far is remembered; only where that is more than one thing its instances are compared.
 */
export async function noteStudyFlags(
  transaction: Queryable,
  instances: readonly { receipt_id: string; study_key: string }[],
): Promise<void> {
  if (instances.length === 0) return;
  await transaction.query(REMEMBER, [instances.map(({ receipt_id }) => receipt_id)]);
  const studies = [...new Set(instances.map(({ study_key }) => study_key))];
  const differing = await transaction.query<{ study_key: string }>(COMPARED, [studies]);
  if (differing.length > 0) await transaction.query(COMPARE, [differing.map(({ study_key }) => study_key)]);
}

/** What some instances of a flagged study say. */
export interface Disagreement {
  readonly flag: StudyFlag;
  /** Of the patient: ID, name, birth date, sex; of endpoints: the facilities, behind the hub. */
  readonly says: string;
  readonly instances: number;
}

const MOST_DISAGREEMENTS = 50;
const PATIENT = ['PatientID', 'IssuerOfPatientID', 'PatientName', 'PatientBirthDate', 'PatientSex']
  .map((keyword) => `NULLIF(i.attributes->>'${keyword}', '')`)
  .join(', ');

/** SQL: of instances `i`, where the study has the flags; most instances first. */
export const disagreementsOf = (where: string, hub = 'true'): string => `SELECT * FROM (
    SELECT 'patient' AS flag, concat_ws(' · ', ${PATIENT}) AS says, count(*) AS instances FROM instances i WHERE ${where} AND ${DECIDED} GROUP BY 2
    UNION ALL SELECT 'endpoints', i.facility || ': ' || ${ENDPOINTS}, count(*) FROM instances i WHERE ${where} AND ${DECIDED} AND ${SENT_ON} AND ${hub} GROUP BY 2
  ) AS said ORDER BY flag, instances DESC, says LIMIT ${MOST_DISAGREEMENTS}`;
