// How much waits: for an operator, or for a destination.
import type { Queryable } from './database.ts';
import { INCOMPLETE } from './study-arrivals.ts';

export interface OpenWork {
  readonly held: number;
  readonly quarantined: number;
  readonly failed: number;
  readonly open: number;
  /** Due, and not queued for lack of room. */
  readonly parked: number;
  /** SOP Instance UIDs that were received with other content, or for another series. */
  readonly conflicting: number;
  /** Studies whose instances disagree about the patient or their endpoints. */
  readonly flagged: number;
  /** Studies that have settled after their last association broke off. */
  readonly incomplete: number;
  /** Age of the delivery that has been open or parked longest; 0: none is. */
  readonly oldestOpenSeconds: number;
}

/** Counts nothing, however much there is. */
export async function openWork(target: Queryable): Promise<OpenWork> {
  const [work] = await target.query<OpenWork>(`SELECT
    (SELECT COALESCE(sum(receipts), 0)::float8 FROM day_outcomes WHERE facility = '*' AND outcome = 'held') AS held,
    (SELECT COALESCE(sum(receipts), 0)::float8 FROM day_outcomes WHERE facility = '*' AND outcome = 'quarantined') AS quarantined,
    (SELECT COALESCE(sum(deliveries), 0)::float8 FROM destination_counts WHERE state = 'failed') AS failed,
    (SELECT COALESCE(sum(deliveries), 0)::float8 FROM destination_counts WHERE state IN ('due', 'retrying')) AS open,
    (SELECT COALESCE(sum(deliveries), 0)::float8 FROM destination_counts WHERE state = 'parked') AS parked,
    (SELECT count(*) FROM conflicts) AS conflicting,
    (SELECT count(*) FROM study_flags) AS flagged,
    (SELECT count(*) FROM study_arrivals a WHERE ${INCOMPLETE}) AS incomplete,
    COALESCE((SELECT GREATEST(0, extract(epoch FROM now() - min(due_at)))::float8 FROM deliveries WHERE state IN ('due', 'retrying', 'parked')), 0)
      AS "oldestOpenSeconds"`);
  return work!;
}
