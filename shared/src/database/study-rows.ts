// Studies and series: what their earliest receipt says about them, merged so that the order of facts does not matter.
import type { Instance } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { earlier, isoMillis, later } from './fact-order.ts';
import { searchWords } from './search-words.ts';

export interface StudyRow {
  study_key: string;
  described_by: string;
  patient_name: string;
  patient_id: string;
  patient_birth_date: string;
  patient_sex: string;
  accession_number: string;
  study_date: string;
  study_time: string;
  study_description: string;
  institution_name: string;
  modalities: string[];
  first_received_at: string;
  last_received_at: string;
  search: string[];
}

export interface SeriesRow {
  study_key: string;
  series_key: string;
  described_by: string;
  modality: string;
  series_number: string;
  series_description: string;
  body_part: string;
}

/** An instance without a Study Instance UID is shown as a study of its own, never together with another patient's. */
export const studyKeyOf = (instance: Instance): string => instance.studyInstanceUid ?? instance.sopInstanceUid;
export const seriesKeyOf = (instance: Instance): string => instance.seriesInstanceUid ?? instance.sopInstanceUid;

export function studyRowOf(instance: Instance): StudyRow {
  const text = (keyword: string): string => instance.attributes[keyword] ?? '';
  const receivedAt = isoMillis(instance.receivedAt);
  const shown = {
    study_key: studyKeyOf(instance),
    patient_name: text('PatientName'),
    patient_id: text('PatientID'),
    patient_birth_date: text('PatientBirthDate'),
    patient_sex: text('PatientSex'),
    accession_number: text('AccessionNumber'),
    study_date: text('StudyDate'),
    study_time: text('StudyTime'),
    study_description: text('StudyDescription'),
    institution_name: text('InstitutionName'),
  };
  const { study_key, patient_name, patient_id, accession_number, study_description, institution_name } = shown;
  return {
    ...shown,
    described_by: instance.receiptId,
    modalities: text('Modality') === '' ? [] : [text('Modality')],
    first_received_at: receivedAt,
    last_received_at: receivedAt,
    search: searchWords([patient_name, patient_id, accession_number, study_description, institution_name, study_key]),
  };
}

export function seriesRowOf(instance: Instance): SeriesRow {
  const text = (keyword: string): string => instance.attributes[keyword] ?? '';
  return {
    study_key: studyKeyOf(instance),
    series_key: seriesKeyOf(instance),
    described_by: instance.receiptId,
    modality: text('Modality'),
    series_number: text('SeriesNumber'),
    series_description: text('SeriesDescription'),
    body_part: text('BodyPartExamined'),
  };
}

/** The earliest receipt describes; times span; modalities unite. */
export function mergedStudy(a: StudyRow, b: StudyRow): StudyRow {
  const describing = b.described_by < a.described_by ? b : a;
  return {
    ...describing,
    modalities: [...new Set([...a.modalities, ...b.modalities])].sort(),
    first_received_at: earlier(a.first_received_at, b.first_received_at),
    last_received_at: later(a.last_received_at, b.last_received_at),
  };
}

export const mergedSeries = (a: SeriesRow, b: SeriesRow): SeriesRow => (b.described_by < a.described_by ? b : a);

const STUDY_DESCRIPTION = [
  'patient_name',
  'patient_id',
  'patient_birth_date',
  'patient_sex',
  'accession_number',
  'study_date',
  'study_time',
  'study_description',
  'institution_name',
  'search',
] as const;
const STUDY_DESCRIPTION_LIST = STUDY_DESCRIPTION.join(', ');
const STUDY_TEXTS = STUDY_DESCRIPTION.filter((column) => column !== 'search').join(', ');

const UPSERT_STUDIES = `
  INSERT INTO studies (study_key, described_by, modalities, first_received_at, last_received_at, ${STUDY_DESCRIPTION_LIST})
  SELECT study_key, described_by, modalities, first_received_at, last_received_at, ${STUDY_TEXTS}, array_to_tsvector(search)
  FROM jsonb_to_recordset($1::jsonb) AS r(study_key text, described_by uuid, modalities text[], first_received_at timestamptz,
    last_received_at timestamptz, ${STUDY_DESCRIPTION.map((column) => `${column} ${column === 'search' ? 'text[]' : 'text'}`).join(', ')})
  ON CONFLICT (study_key) DO UPDATE SET
    ${STUDY_DESCRIPTION.map(
      (column) => `${column} = CASE WHEN excluded.described_by < studies.described_by THEN excluded.${column} ELSE studies.${column} END`,
    ).join(', ')},
    described_by = LEAST(excluded.described_by, studies.described_by),
    modalities = ARRAY(SELECT DISTINCT m FROM unnest(studies.modalities || excluded.modalities) AS m ORDER BY m),
    first_received_at = LEAST(excluded.first_received_at, studies.first_received_at),
    last_received_at = GREATEST(excluded.last_received_at, studies.last_received_at)
  WHERE excluded.described_by < studies.described_by OR NOT excluded.modalities <@ studies.modalities
    OR excluded.first_received_at < studies.first_received_at OR excluded.last_received_at > studies.last_received_at`;

const UPSERT_SERIES = `
  INSERT INTO series (study_key, series_key, described_by, modality, series_number, series_description, body_part)
  SELECT study_key, series_key, described_by, modality, series_number, series_description, body_part
  FROM jsonb_to_recordset($1::jsonb) AS r(study_key text, series_key text, described_by uuid, modality text, series_number text,
    series_description text, body_part text)
  ON CONFLICT (study_key, series_key) DO UPDATE SET
    described_by = excluded.described_by, modality = excluded.modality, series_number = excluded.series_number,
    series_description = excluded.series_description, body_part = excluded.body_part
  WHERE excluded.described_by < series.described_by`;

/** Rows must be sorted by key (two ledgers that write the same rows then wait for each other instead of locking each other out). */
export async function upsertStudies(target: Queryable, studies: StudyRow[], series: SeriesRow[]): Promise<void> {
  if (studies.length > 0) await target.query(UPSERT_STUDIES, [JSON.stringify(studies)]);
  if (series.length > 0) await target.query(UPSERT_SERIES, [JSON.stringify(series)]);
}
