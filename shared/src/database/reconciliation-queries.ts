// received = delivered, by day, facility and study: what was received, and what became of all of it. Nothing is counted here (migration 0012).
import type { Queryable } from './database.ts';
import { OUTCOMES, type Outcome } from './outcomes.ts';

/** Receipts by outcome. `received` is their sum: each receipt has exactly one outcome. */
export type OutcomeCounts = Record<Outcome, number> & { readonly received: number };

/** `day`: YYYY-MM-DD, UTC. `facility`: null for all together. */
export type DayCounts = OutcomeCounts & { readonly day: string; readonly facility: string | null; readonly bytes: number };
/** `facility`: null for what belongs to none. */
export type FacilityCounts = OutcomeCounts & { readonly facility: string | null; readonly bytes: number };

const SUMS = [
  'COALESCE(sum(receipts), 0)::float8 AS received',
  ...OUTCOMES.map((outcome) => `COALESCE(sum(receipts) FILTER (WHERE outcome = '${outcome}'), 0)::float8 AS ${outcome}`),
].join(', ');
const BYTES = 'COALESCE(sum(bytes), 0)::float8 AS bytes';
const DAY = `to_char(day, 'YYYY-MM-DD')`;

/** Newest first, days on which something was received. `day`: that one only. `facilities`: one row for each that received something; absent: one for all together. */
export async function listDayCounts(
  target: Queryable,
  { day, facilities, limit }: { day?: string; facilities?: readonly string[]; limit: number },
): Promise<DayCounts[]> {
  const sql = `SELECT ${DAY} AS day, NULLIF(facility, '*') AS facility, ${SUMS}, ${BYTES} FROM day_outcomes
    WHERE facility = ANY($1::text[]) AND ($2::date IS NULL OR day = $2::date)
    GROUP BY day_outcomes.day, day_outcomes.facility HAVING sum(receipts) > 0 ORDER BY day_outcomes.day DESC, day_outcomes.facility LIMIT $3`;
  return target.query<DayCounts>(sql, [facilities ?? ['*'], day ?? null, limit]);
}

/** Of one day, by facility: a receipt counts for each of its facilities, so that they add up to more than the day where a hub and its endpoints share a receipt. */
export async function listFacilityCounts(target: Queryable, day: string): Promise<FacilityCounts[]> {
  const sql = `SELECT NULLIF(facility, '') AS facility, ${SUMS}, ${BYTES} FROM day_outcomes WHERE day = $1::date AND facility <> '*'
    GROUP BY day_outcomes.facility HAVING sum(receipts) > 0 ORDER BY day_outcomes.facility`;
  return target.query<FacilityCounts>(sql, [day]);
}

/** A study of which not everything that was received on the day is delivered; counts of that day. */
export type DifferingStudy = OutcomeCounts & {
  readonly studyKey: string;
  readonly patientName: string;
  readonly patientId: string;
  readonly modalities: string[];
  readonly studyDescription: string;
  readonly facilities: string[];
};

export interface DifferingPage {
  readonly day: string;
  readonly facility?: string;
  readonly afterStudyKey?: string;
  readonly limit: number;
}

/** In the order of their keys; the next page starts after `afterStudyKey`. */
export async function listDifferingStudies(
  target: Queryable,
  { day, facility, afterStudyKey, limit }: DifferingPage,
): Promise<DifferingStudy[]> {
  const sql = `SELECT d.study_key AS "studyKey", s.patient_name AS "patientName", s.patient_id AS "patientId", s.modalities, s.study_description AS "studyDescription",
      ARRAY(SELECT facility FROM study_facilities f WHERE f.study_key = d.study_key AND f.receipts > 0 ORDER BY 1) AS facilities, c.*
    FROM (SELECT DISTINCT o.study_key FROM study_outcomes o WHERE o.day = $1::date AND o.outcome <> 'delivered' AND o.receipts > 0 AND o.study_key > $3
        AND ($2::text IS NULL OR EXISTS (SELECT FROM study_facilities f WHERE f.study_key = o.study_key AND f.facility = $2 AND f.receipts > 0))
      ORDER BY o.study_key LIMIT $4) AS d
    JOIN studies s ON s.study_key = d.study_key
    CROSS JOIN LATERAL (SELECT ${SUMS} FROM study_outcomes WHERE study_key = d.study_key AND day = $1::date) AS c
    ORDER BY d.study_key`;
  return target.query<DifferingStudy>(sql, [day, facility ?? null, afterStudyKey ?? '', limit]);
}

export interface LateReceipts {
  readonly receipts: number;
  /** YYYY-MM-DD, UTC; null: there are none. */
  readonly oldestDay: string | null;
}

/** Received before the day and neither delivered nor discarded. */
export async function countLateReceipts(target: Queryable, before: string): Promise<LateReceipts> {
  const sql = `SELECT COALESCE(sum(receipts), 0)::float8 AS receipts, to_char(min(day), 'YYYY-MM-DD') AS "oldestDay" FROM day_outcomes
    WHERE facility = '*' AND outcome NOT IN ('delivered', 'discarded') AND receipts > 0 AND day < $1::date`;
  return (await target.query<LateReceipts>(sql, [before]))[0]!;
}

/** The day (UTC) before this instant's. */
export const yesterday = (now: Date): string => new Date(now.getTime() - 86_400_000).toISOString().slice(0, 10);
