// Studies and series: what the newest fact of their earliest receipt says about them; merged so that the order of facts does not matter.
import type { Instance } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { earlier, type FactOrder, isoMillis, later } from './fact-order.ts';
import { searchWords } from './search-words.ts';

export interface StudyRow {
  study_key: string;
  described_by: string;
  /** Of the fact: later ones know what coercion made of the attributes. */
  described_order: FactOrder;
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
  described_order: FactOrder;
  modality: string;
  series_number: string;
  series_description: string;
  body_part: string;
}

/** An instance without a Study Instance UID is shown as a study of its own, never together with another patient's. */
export const studyKeyOf = (instance: Instance): string => instance.studyInstanceUid ?? instance.sopInstanceUid;
export const seriesKeyOf = (instance: Instance): string => instance.seriesInstanceUid ?? instance.sopInstanceUid;

/** `order`: of the fact that tells of the instance. */
export function studyRowOf(instance: Instance, order: FactOrder): StudyRow {
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
    described_order: order,
    modalities: text('Modality') === '' ? [] : [text('Modality')],
    first_received_at: receivedAt,
    last_received_at: receivedAt,
    search: searchWords([patient_name, patient_id, accession_number, study_description, institution_name, study_key]),
  };
}

export function seriesRowOf(instance: Instance, order: FactOrder): SeriesRow {
  const text = (keyword: string): string => instance.attributes[keyword] ?? '';
  return {
    study_key: studyKeyOf(instance),
    series_key: seriesKeyOf(instance),
    described_by: instance.receiptId,
    described_order: order,
    modality: text('Modality'),
    series_number: text('SeriesNumber'),
    series_description: text('SeriesDescription'),
    body_part: text('BodyPartExamined'),
  };
}

type Description = Pick<StudyRow, 'described_by' | 'described_order'>;

const describesBetter = (b: Description, a: Description): boolean =>
  b.described_by < a.described_by || (b.described_by === a.described_by && b.described_order > a.described_order);

/** The same in SQL, of the row that is written against the one that stands. */
const betterThan = (table: 'studies' | 'series'): string =>
  `(excluded.described_by < ${table}.described_by
    OR (excluded.described_by = ${table}.described_by AND excluded.described_order > ${table}.described_order))`;

/** The earliest receipt describes; times span; modalities unite. */
export function mergedStudy(a: StudyRow, b: StudyRow): StudyRow {
  const describing = describesBetter(b, a) ? b : a;
  return {
    ...describing,
    modalities: [...new Set([...a.modalities, ...b.modalities])].sort(),
    first_received_at: earlier(a.first_received_at, b.first_received_at),
    last_received_at: later(a.last_received_at, b.last_received_at),
  };
}

export const mergedSeries = (a: SeriesRow, b: SeriesRow): SeriesRow => (describesBetter(b, a) ? b : a);

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
  INSERT INTO studies (study_key, described_by, described_order, modalities, first_received_at, last_received_at, ${STUDY_DESCRIPTION_LIST})
  SELECT study_key, described_by, described_order, modalities, first_received_at, last_received_at, ${STUDY_TEXTS}, array_to_tsvector(search)
  FROM jsonb_to_recordset($1::jsonb) AS r(study_key text, described_by uuid, described_order text, modalities text[], first_received_at timestamptz,
    last_received_at timestamptz, ${STUDY_DESCRIPTION.map((column) => `${column} ${column === 'search' ? 'text[]' : 'text'}`).join(', ')})
  ON CONFLICT (study_key) DO UPDATE SET
    ${STUDY_DESCRIPTION.map(
      (column) => `${column} = CASE WHEN ${betterThan('studies')} THEN excluded.${column} ELSE studies.${column} END`,
    ).join(', ')},
    described_order = CASE WHEN ${betterThan('studies')} THEN excluded.described_order ELSE studies.described_order END,
    described_by = LEAST(excluded.described_by, studies.described_by),
    modalities = ARRAY(SELECT DISTINCT m FROM unnest(studies.modalities || excluded.modalities) AS m ORDER BY m),
    first_received_at = LEAST(excluded.first_received_at, studies.first_received_at),
    last_received_at = GREATEST(excluded.last_received_at, studies.last_received_at)
  WHERE ${betterThan('studies')} OR NOT excluded.modalities <@ studies.modalities
    OR excluded.first_received_at < studies.first_received_at OR excluded.last_received_at > studies.last_received_at`;

const UPSERT_SERIES = `
  INSERT INTO series (study_key, series_key, described_by, described_order, modality, series_number, series_description, body_part)
  SELECT study_key, series_key, described_by, described_order, modality, series_number, series_description, body_part
  FROM jsonb_to_recordset($1::jsonb) AS r(study_key text, series_key text, described_by uuid, described_order text, modality text, series_number text,
    series_description text, body_part text)
  ON CONFLICT (study_key, series_key) DO UPDATE SET
    described_by = excluded.described_by, described_order = excluded.described_order, modality = excluded.modality, series_number = excluded.series_number,
    series_description = excluded.series_description, body_part = excluded.body_part
  WHERE ${betterThan('series')}`;

/** Rows must be sorted by key (two ledgers that write the same rows then wait for each other instead of locking each other out). */
export async function upsertStudies(target: Queryable, studies: StudyRow[], series: SeriesRow[]): Promise<void> {
  if (studies.length > 0) await target.query(UPSERT_STUDIES, [JSON.stringify(studies)]);
  if (series.length > 0) await target.query(UPSERT_SERIES, [JSON.stringify(series)]);
}
