// How much waits: for an operator, or for a destination.
import type { Queryable } from './database.ts';

export interface OpenWork {
  readonly held: number;
  readonly quarantined: number;
  readonly failed: number;
  readonly open: number;
  /** Due, and not queued for lack of room. */
  readonly parked: number;
  /** SOP Instance UIDs that were received with other content, or for another series. */
  readonly conflicting: number;
  /** Age of the delivery that has been open or parked longest; 0: none is. */
  readonly oldestOpenSeconds: number;
}

export async function openWork(target: Queryable): Promise<OpenWork> {
  const [work] = await target.query<OpenWork>(`SELECT
    (SELECT count(*) FROM instances WHERE state = 'held') AS held,
    (SELECT count(*) FROM instances WHERE state = 'quarantined') AS quarantined,
    (SELECT count(*) FROM deliveries WHERE state = 'failed') AS failed,
    (SELECT count(*) FROM deliveries WHERE state IN ('due', 'retrying')) AS open,
    (SELECT count(*) FROM deliveries WHERE state = 'parked') AS parked,
    (SELECT count(*) FROM conflicts) AS conflicting,
    COALESCE(GREATEST(0, extract(epoch FROM now() - LEAST(
      (SELECT min(due_at) FROM deliveries WHERE state IN ('due', 'retrying')), (SELECT min(due_at) FROM deliveries WHERE state = 'parked'))))::float8, 0)
      AS "oldestOpenSeconds"`);
  return work!;
}
