// One SOP Instance UID received with other content, or for another series or study. A UID names one instance for ever (PS3.5 section 9), so somebody is in error, and it is
// not for a gateway to say who: everything is kept and delivered by the rules, and people are told.
import type { Queryable } from './database.ts';

export interface Conflict {
  readonly sopInstanceUid: string;
  /** Data sets of one transfer syntax with different digests. Other syntaxes may be the same image in another encoding: that alone is none. */
  readonly otherContent: boolean;
  readonly otherSeries: boolean;
  readonly receipts: number;
}

const NOTE = `
  INSERT INTO conflicts (sop_instance_uid, other_content, other_series, study_keys, receipts, since)
  SELECT sop_instance_uid, count(DISTINCT (transfer_syntax_uid, digest)) > count(DISTINCT transfer_syntax_uid),
    count(DISTINCT (study_key, series_key)) > 1, array_agg(DISTINCT study_key ORDER BY study_key), count(*), max(received_at)
  FROM instances WHERE sop_instance_uid = ANY($1::text[]) AND object_key LIKE 'received/%'
  GROUP BY sop_instance_uid
  HAVING count(DISTINCT (transfer_syntax_uid, digest)) > count(DISTINCT transfer_syntax_uid) OR count(DISTINCT (study_key, series_key)) > 1
  ORDER BY sop_instance_uid
  ON CONFLICT (sop_instance_uid) DO UPDATE SET other_content = excluded.other_content, other_series = excluded.other_series,
    study_keys = excluded.study_keys, receipts = excluded.receipts, since = excluded.since
  WHERE (conflicts.other_content, conflicts.other_series, conflicts.study_keys, conflicts.receipts, conflicts.since)
    IS DISTINCT FROM (excluded.other_content, excluded.other_series, excluded.study_keys, excluded.receipts, excluded.since)
  RETURNING sop_instance_uid AS "sopInstanceUid", other_content AS "otherContent", other_series AS "otherSeries", receipts`;

/**
 * Looks at what was received under these UIDs; to be the last statement of a transaction that wrote them (write-lock.ts: of two that write one reception
 * each, the second sees both). Resolves with what is new or has changed.
 */
export async function noteConflicts(transaction: Queryable, sopInstanceUids: readonly string[]): Promise<Conflict[]> {
  if (sopInstanceUids.length === 0) return [];
  return transaction.query<Conflict>(NOTE, [sopInstanceUids]);
}

/** One reception of a UID in conflict. */
export interface ConflictingReceipt {
  readonly sopInstanceUid: string;
  readonly otherContent: boolean;
  readonly otherSeries: boolean;
  readonly receiptId: string;
  readonly receivedAt: Date;
  readonly studyKey: string;
  readonly seriesKey: string;
  readonly digest: string;
  readonly transferSyntaxUid: string;
  readonly size: number;
  readonly callingAe: string;
  readonly source: string;
}

const MOST_RECEIPTS = 200;

/** Every reception, of other studies too, of the UIDs of this study that are in conflict; by UID, then oldest first. */
export async function listConflictingReceipts(target: Queryable, studyKey: string): Promise<ConflictingReceipt[]> {
  const sql = `SELECT c.sop_instance_uid AS "sopInstanceUid", c.other_content AS "otherContent", c.other_series AS "otherSeries",
      i.receipt_id AS "receiptId", i.received_at AS "receivedAt", i.study_key AS "studyKey", i.series_key AS "seriesKey", i.digest,
      i.transfer_syntax_uid AS "transferSyntaxUid", i.size::float8 AS size, i.association->>'callingAe' AS "callingAe", i.association->>'source' AS source
    FROM conflicts c JOIN instances i USING (sop_instance_uid)
    WHERE c.study_keys @> ARRAY[$1::text] AND i.object_key LIKE 'received/%'
    ORDER BY c.sop_instance_uid, i.receipt_id LIMIT ${MOST_RECEIPTS}`;
  return target.query<ConflictingReceipt>(sql, [studyKey]);
}
