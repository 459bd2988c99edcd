// For metrics: what waits by destination, and what was received by facility, of so many names at most, so that 1,000 of each do not become a series each for ever.
import type { Queryable } from './database.ts';

/** What stands for the names beyond the limit, for no facility, and for all together. A configured id has no underscore. */
export const OTHERS = '_other';
export const NO_NAME = '_none';
export const ALL = '_all';

export interface DestinationWork {
  readonly destination: string;
  /** due, retrying, parked or failed. */
  readonly state: string;
  readonly deliveries: number;
}

export interface OldestDelivery {
  readonly destination: string;
  readonly seconds: number;
}

export interface FacilityReceipts {
  readonly facility: string;
  readonly outcome: string;
  readonly receipts: number;
}

const NAMED_DESTINATIONS = `SELECT destination FROM destination_counts WHERE deliveries > 0 GROUP BY 1 ORDER BY sum(deliveries) DESC, 1 LIMIT $1`;

const BY_DESTINATION = `
  SELECT CASE WHEN destination IN (${NAMED_DESTINATIONS}) THEN destination ELSE '${OTHERS}' END AS destination, state, sum(deliveries)::float8 AS deliveries
  FROM destination_counts WHERE deliveries > 0 GROUP BY 1, 2`;

/** Of the `limit` destinations with the most; counts nothing, however much waits. */
export const workByDestination = (target: Queryable, limit: number): Promise<DestinationWork[]> => target.query(BY_DESTINATION, [limit]);

const SECONDS = 'GREATEST(0, extract(epoch FROM now() - since))::float8 AS seconds';
const OPEN = `state IN ('due', 'retrying', 'parked')`;
const OLDEST = `
  SELECT n.destination, ${SECONDS} FROM (${NAMED_DESTINATIONS}) AS n
    CROSS JOIN LATERAL (SELECT min(due_at) AS since FROM deliveries d WHERE d.destination = n.destination AND ${OPEN}) AS o WHERE since IS NOT NULL
  UNION ALL SELECT '${ALL}', ${SECONDS} FROM (SELECT COALESCE(min(due_at), now()) AS since FROM deliveries WHERE ${OPEN}) AS o`;

/** Age of what is due, retrying or parked longest, of the same destinations, and of all (0: nothing is). */
export const oldestByDestination = (target: Queryable, limit: number): Promise<OldestDelivery[]> => target.query(OLDEST, [limit]);

const BY_FACILITY = `
  WITH recent AS (SELECT facility, outcome, receipts FROM day_outcomes WHERE day >= $2::date AND receipts > 0),
    named AS (SELECT facility FROM recent WHERE facility <> '*' GROUP BY 1 ORDER BY sum(receipts) DESC, 1 LIMIT $1)
  SELECT CASE WHEN facility = '*' THEN '${ALL}' WHEN facility = '' THEN '${NO_NAME}'
    WHEN facility IN (SELECT facility FROM named) THEN facility ELSE '${OTHERS}' END AS facility, outcome, sum(receipts)::float8 AS receipts
  FROM recent GROUP BY 1, 2`;

/** `since`: YYYY-MM-DD, UTC. A receipt counts for each of its facilities, and once in all. */
export const receiptsByFacility = (target: Queryable, { since, limit }: { since: string; limit: number }): Promise<FacilityReceipts[]> =>
  target.query(BY_FACILITY, [limit, since]);
