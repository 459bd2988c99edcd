// Deliveries that wait for room in a queue: where they wait for, and which is the next.
import type { Lane } from '../events/instance.ts';
import type { Queryable } from './database.ts';

/** `facility`: absent for what no facility asked for. */
export interface ParkedPlace {
  readonly destination: string;
  readonly lane: Lane;
  readonly facility?: string;
  readonly parked: number;
}

/** Every destination, lane and facility that has parked work. Reads one index only (200,000 parked: 45 ms). */
export async function listParkedPlaces(target: Queryable): Promise<ParkedPlace[]> {
  const sql = `SELECT destination, ${LANE_RANK} AS rank, facility, count(*) AS parked FROM deliveries WHERE state = 'parked' GROUP BY 1, 2, 3`;
  const rows = await target.query<{ destination: string; rank: number | null; facility: string | null; parked: number }>(sql);
  return rows.map(({ destination, rank, facility, parked }) => ({
    destination,
    lane: LANES[(rank ?? 2) - 1]!,
    ...(facility === null ? {} : { facility }),
    parked,
  }));
}

const LANES: readonly Lane[] = ['stat', 'routine', 'prior'];
/** As in the index deliveries_parked. */
const LANE_RANK = `array_position(ARRAY['stat', 'routine', 'prior'], lane)`;

/** Ids of the next ones of the places, which are all of one destination: stat first, then routine, then prior, in each the oldest first. */
export async function nextParked(target: Queryable, places: readonly Omit<ParkedPlace, 'parked'>[], limit: number): Promise<string[]> {
  const [first] = places;
  if (first === undefined) return [];
  const sql = `SELECT id FROM deliveries WHERE state = 'parked' AND destination = $1
      AND (lane, COALESCE(facility, '')) IN (SELECT * FROM unnest($2::text[], $3::text[]))
    ORDER BY ${LANE_RANK}, due_at, id LIMIT $4`;
  const lanes = places.map(({ lane }) => lane);
  const facilities = places.map(({ facility }) => facility ?? '');
  return (await target.query<{ id: string }>(sql, [first.destination, lanes, facilities, limit])).map(({ id }) => id);
}

/** Destinations with deliveries that are due, retrying or parked. */
export async function destinationsWithOpenWork(target: Queryable): Promise<string[]> {
  const sql = `SELECT DISTINCT destination FROM destination_counts WHERE state IN ('due', 'retrying', 'parked') AND deliveries > 0`;
  return (await target.query<{ destination: string }>(sql)).map(({ destination }) => destination);
}

/** "CWPK" in ASCII. */
const LOCK = 0x43_57_50_4b;

/** Within a transaction: false when another ledger is at it. It is over with the transaction. */
export async function isAloneWithParked(transaction: Queryable): Promise<boolean> {
  const [row] = await transaction.query<{ alone: boolean }>('SELECT pg_try_advisory_xact_lock($1) AS alone', [LOCK]);
  return row!.alone;
}
