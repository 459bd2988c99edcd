// Where the instances of a study went, for whom, by which rule, and when it was confirmed: deliveries that are alike are one row.
import type { Queryable } from './database.ts';
import type { DeliveryState } from './delivery-rows.ts';
import { deliveryWithin, type FacilityScope, scopeValue } from './facility-scope.ts';
import { DELIVERIES_OF_STUDY_MONTHS } from './study-months.ts';

export interface StudyDeliveries {
  readonly destination: string;
  readonly facility: string | null;
  readonly rule: string;
  /** Of the gateway document that decided. */
  readonly revision: number;
  readonly state: DeliveryState;
  readonly deliveries: number;
  /** When the first and the last of them came to this state; of confirmed ones: when the archive confirmed. */
  readonly from: Date;
  readonly to: Date;
  /** What proved it, e.g. `stow 200`, or why it is not there, of one of them. */
  readonly because: string | null;
}

const MOST = 200;
const ALIKE = 'd.destination, d.facility, d.rule, d.configuration_revision, d.state';

/** Those made on behalf of the facilities of the scope, at most 200 rows. */
export async function listStudyDeliveries(target: Queryable, studyKey: string, scope: FacilityScope): Promise<StudyDeliveries[]> {
  const sql = `SELECT d.destination, d.facility, d.rule, d.configuration_revision AS revision, d.state, count(*) AS deliveries,
      min(COALESCE(d.discarded_at, d.state_at)) AS "from", max(COALESCE(d.discarded_at, d.state_at)) AS "to",
      max(CASE d.state WHEN 'confirmed' THEN d.confirmation ELSE d.reason END) AS because
    FROM study_counts n JOIN deliveries d ON d.study_key = n.study_key AND ${DELIVERIES_OF_STUDY_MONTHS}
    WHERE n.study_key = $1 AND ${deliveryWithin('d', '$2')} GROUP BY ${ALIKE} ORDER BY ${ALIKE} LIMIT ${MOST}`;
  return target.query<StudyDeliveries>(sql, [studyKey, scopeValue(scope)]);
}
