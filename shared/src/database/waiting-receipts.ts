// Everything that waits of one study, page by page: a list of waiting work names no more than the first thousand of each group.
import type { Queryable } from './database.ts';
import { type FacilityScope, instanceWithin, scopeValue } from './facility-scope.ts';
import { OF_STUDY_MONTHS } from './study-months.ts';

export interface WaitingReceipt {
  readonly receiptId: string;
  readonly state: 'held' | 'quarantined';
}

export interface WaitingReceiptsAsked {
  readonly studyKey: string;
  /** That of WaitingWork; absent: whatever they wait for. */
  readonly group?: string;
  /** Where the page before ended: what was acted on and waits again is not met twice. */
  readonly after?: string;
  readonly limit: number;
}

/** SQL: of rows `i` of instances (or grouped by these columns), what they have in common that wait for the same reason. */
export const WAITING_GROUP = `md5(concat_ws('|', i.state, i.held::text, i.reason))`;

const RECEIPTS = `SELECT i.receipt_id AS "receiptId", i.state FROM study_counts n JOIN instances i ON i.study_key = n.study_key AND ${OF_STUDY_MONTHS}
  WHERE n.study_key = $2 AND i.state IN ('held', 'quarantined') AND ${instanceWithin('i', '$1')}
    AND ($3::text IS NULL OR ${WAITING_GROUP} = $3) AND ($4::uuid IS NULL OR i.receipt_id > $4) ORDER BY i.receipt_id LIMIT $5`;

/** In the order of their receipt. */
export async function listWaitingReceipts(target: Queryable, scope: FacilityScope, asked: WaitingReceiptsAsked): Promise<WaitingReceipt[]> {
  const { studyKey, group = null, after = null, limit } = asked;
  return target.query<WaitingReceipt>(RECEIPTS, [scopeValue(scope), studyKey, group, after, limit]);
}
