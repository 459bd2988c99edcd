// What the gateway still holds of what it received, for DICOMweb: searched at three levels, and found to be read. Of several receipts of one SOP Instance UID the latest counts.
import type { ObjectKey } from '../brands.ts';
import type { Queryable } from './database.ts';
import { type FacilityScope, instanceWithin, scopeValue } from './facility-scope.ts';
import { type HoldingsCriterion, SqlCriteria } from './holdings-criteria.ts';
import { prefixQuery } from './search-words.ts';
import { OF_STUDY_MONTHS } from './study-months.ts';

export interface HoldingsPage {
  readonly criteria: readonly HoldingsCriterion[];
  readonly limit: number;
  readonly offset: number;
}

/** Of a series or instance: the UIDs in the address, or those asked for. At least one of study and instance. */
export interface HoldingsPlace {
  readonly study?: string;
  readonly series?: string;
  readonly instance?: string;
}

type Attributes = Readonly<Record<string, string>>;

export interface HeldStudy {
  readonly studyInstanceUid: string;
  readonly attributes: Attributes;
  readonly modalities: string[];
  readonly seriesCount: number;
  readonly instanceCount: number;
}

export interface HeldSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly attributes: Attributes;
  readonly instanceCount: number;
}

export interface HeldInstance {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
  readonly attributes: Attributes;
  readonly objectKey: ObjectKey;
  readonly size: number;
}

/** Received, not given up, and with an identity that DICOMweb can address. */
const IDENTIFIED = `i.object_key LIKE 'received/%' AND i.state <> 'discarded' AND i.study_instance_uid IS NOT NULL AND i.series_instance_uid IS NOT NULL`;
/** In every query of this file $1 is the facilities. */
const OWN = `${IDENTIFIED} AND ${instanceWithin('i', '$1')}`;
const HELD = `i.object_deleted_at IS NULL AND ${OWN}`;
const OF_STUDY = `i.study_key = n.study_key AND ${OF_STUDY_MONTHS}`;

const COUNTED = `SELECT count(DISTINCT i.series_instance_uid) AS "seriesCount", count(DISTINCT (i.series_instance_uid, i.sop_instance_uid)) AS "instanceCount",
    COALESCE(array_agg(DISTINCT i.attributes->>'Modality') FILTER (WHERE i.attributes->>'Modality' <> ''), '{}') AS modalities
  FROM instances i WHERE ${OF_STUDY} AND ${HELD}`;

/** Newest first. Described by the earliest instance that is held. */
export async function searchHeldStudies(target: Queryable, scope: FacilityScope, page: HoldingsPage): Promise<HeldStudy[]> {
  const asked = new SqlCriteria([scopeValue(scope), page.limit, page.offset]);
  const candidates = scope === 'all' ? everyStudy(asked, page.criteria) : OWN_STUDIES;
  const sql = `SELECT n.study_key AS "studyInstanceUid", n.attributes, t.* FROM (
      SELECT n.*, x.attributes, s.last_received_at FROM ${candidates} s JOIN study_counts n USING (study_key)
      CROSS JOIN LATERAL (SELECT i.* FROM instances i WHERE ${OF_STUDY} AND ${HELD} ORDER BY i.receipt_id LIMIT 1) x
      WHERE ${asked.conditions(page.criteria, MODALITIES)} ORDER BY s.last_received_at DESC, s.study_key DESC LIMIT $2 OFFSET $3) AS n
    CROSS JOIN LATERAL (${COUNTED}) t ORDER BY n.last_received_at DESC, n.study_key DESC`;
  return target.query<HeldStudy>(sql, asked.values);
}

const MODALITIES = `(SELECT string_agg(DISTINCT i.attributes->>'Modality', '\\') FROM instances i WHERE ${OF_STUDY} AND ${HELD})`;
const OWN_STUDIES =
  '(SELECT study_key, max(last_received_at) AS last_received_at FROM facility_studies WHERE facility = ANY($1::text[]) GROUP BY study_key)';

/** Words of what is asked for narrow the studies by an index first: what matches has them (search-words.ts). */
function everyStudy(asked: SqlCriteria, criteria: readonly HoldingsCriterion[]): string {
  const uid = criteria.find(({ keyword }) => keyword === 'StudyInstanceUID');
  if (uid !== undefined) return `(SELECT * FROM studies WHERE study_key = ANY(${asked.put(uid.value.split(/[,\\]/))}::text[]))`;
  const words = criteria.filter(({ keyword }) => SEARCHED_BY_WORDS.has(keyword)).map(({ value }) => value.split(/[*?]/, 1)[0]!);
  const query = prefixQuery(words.join(' '));
  return query === undefined ? 'studies' : `(SELECT * FROM studies WHERE search @@ ${asked.put(query)}::tsquery)`;
}

const SEARCHED_BY_WORDS = new Set(['PatientName', 'PatientID', 'AccessionNumber', 'StudyDescription']);

/** By UID. */
export async function searchHeldSeries(
  target: Queryable,
  scope: FacilityScope,
  { place, ...page }: HoldingsPage & { place: HoldingsPlace },
): Promise<HeldSeries[]> {
  const asked = new SqlCriteria([scopeValue(scope), page.limit, page.offset]);
  const sql = `SELECT x.study_instance_uid AS "studyInstanceUid", x.series_instance_uid AS "seriesInstanceUid", x.attributes,
      (SELECT count(DISTINCT i.sop_instance_uid) FROM study_counts n JOIN instances i ON ${OF_STUDY} AND ${HELD}
        WHERE n.study_key = x.study_key AND i.series_instance_uid = x.series_instance_uid) AS "instanceCount"
    FROM (SELECT DISTINCT ON (i.study_key, i.series_instance_uid) i.* ${placed(asked, place)} AND ${HELD}
      ORDER BY i.study_key, i.series_instance_uid, i.receipt_id) AS x
    WHERE ${asked.conditions(page.criteria)} ORDER BY x.study_key, x.series_instance_uid LIMIT $2 OFFSET $3`;
  return target.query<HeldSeries>(sql, asked.values);
}

const INSTANCE = `x.study_instance_uid AS "studyInstanceUid", x.series_instance_uid AS "seriesInstanceUid", x.sop_instance_uid AS "sopInstanceUid",
  x.sop_class_uid AS "sopClassUid", x.transfer_syntax_uid AS "transferSyntaxUid", x.attributes, x.object_key AS "objectKey", x.size`;
const latest = (
  from: string,
): string => `(SELECT DISTINCT ON (i.study_key, i.series_instance_uid, i.sop_instance_uid) i.* ${from} AND ${HELD}
  ORDER BY i.study_key, i.series_instance_uid, i.sop_instance_uid, i.receipt_id DESC)`;

/** By the UIDs of series and instance. */
export async function searchHeldInstances(
  target: Queryable,
  scope: FacilityScope,
  { place, ...page }: HoldingsPage & { place: HoldingsPlace },
): Promise<HeldInstance[]> {
  const asked = new SqlCriteria([scopeValue(scope), page.limit, page.offset]);
  const sql = `SELECT ${INSTANCE} FROM ${latest(placed(asked, place))} AS x WHERE ${asked.conditions(page.criteria)}
    ORDER BY x.study_key, x.series_instance_uid, x.sop_instance_uid LIMIT $2 OFFSET $3`;
  return target.query<HeldInstance>(sql, asked.values);
}

function placed(asked: SqlCriteria, { study, series, instance }: HoldingsPlace): string {
  if (study === undefined && instance === undefined) throw new Error('a study or an instance must be named');
  const from =
    study === undefined
      ? 'FROM instances i WHERE true'
      : `FROM study_counts n JOIN instances i ON ${OF_STUDY} WHERE n.study_key = ${asked.put(study)}`;
  const ofSeries = series === undefined ? '' : ` AND i.series_instance_uid = ${asked.put(series)}`;
  return `${from}${ofSeries}${instance === undefined ? '' : ` AND i.sop_instance_uid = ${asked.put(instance)}`}`;
}

/** `gone`: instances whose every object was deleted after its retention. `conflicting`: held ones of which another content was received as well. */
export interface HoldingsSummary {
  readonly held: number;
  readonly gone: number;
  readonly conflicting: number;
}

export async function summarizeHoldings(target: Queryable, scope: FacilityScope, place: HoldingsPlace): Promise<HoldingsSummary> {
  const asked = new SqlCriteria([scopeValue(scope)]);
  const sql = `SELECT count(*) FILTER (WHERE held) AS held, count(*) FILTER (WHERE NOT held) AS gone, count(*) FILTER (WHERE held AND differing) AS conflicting
    FROM (SELECT bool_or(i.object_deleted_at IS NULL) AS held, count(DISTINCT (i.transfer_syntax_uid, i.digest)) > count(DISTINCT i.transfer_syntax_uid) AS differing
      ${placed(asked, place)} AND ${OWN} GROUP BY i.study_key, i.series_instance_uid, i.sop_instance_uid) AS counted`;
  return (await target.query<HoldingsSummary>(sql, asked.values))[0]!;
}
