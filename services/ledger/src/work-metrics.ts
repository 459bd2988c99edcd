// What waits, for Prometheus: for a person, for a destination, by facility. With PostgreSQL away these are absent, not zero: an alert tells the difference.
import type { Database, Queryable } from '@causeway/shared/database/database';
import { type OpenWork, openWork } from '@causeway/shared/database/open-work';
import { countLateReceipts, yesterday } from '@causeway/shared/database/reconciliation-queries';
import {
  type DestinationWork,
  type FacilityReceipts,
  type OldestDelivery,
  oldestByDestination,
  receiptsByFacility,
  workByDestination,
} from '@causeway/shared/database/work-by-name';
import { observedGauge } from '@causeway/shared/metrics/instruments';
import type { BatchObservableResult, Meter } from '@causeway/shared/telemetry';

/** Destinations, and facilities, with a series of their own: those with the most. 1,000 of each would be 12,000 series from every ledger. */
const MOST_NAMED = 200;
/** Two Prometheus servers that ask three ledgers shall not cost six looks. */
const REMEMBERED_MS = 5_000;

interface Look {
  readonly work: OpenWork;
  readonly late: number;
  readonly destinations: readonly DestinationWork[];
  readonly oldest: readonly OldestDelivery[];
  readonly facilities: readonly FacilityReceipts[];
}

async function look(database: Queryable, now: Date): Promise<Look> {
  const before = yesterday(now);
  const [work, late, destinations, oldest, facilities] = await Promise.all([
    openWork(database),
    countLateReceipts(database, before),
    workByDestination(database, MOST_NAMED),
    oldestByDestination(database, MOST_NAMED),
    receiptsByFacility(database, { since: before, limit: MOST_NAMED }),
  ]);
  return { work, late: late.receipts, destinations, oldest, facilities };
}

export function observeWork(meter: Meter, { database, now }: { database: Pick<Database, 'query'>; now: () => Date }): void {
  const held = observedGauge(meter, 'causeway.ledger.held_instances');
  const quarantined = observedGauge(meter, 'causeway.ledger.quarantined_instances');
  const conflicting = observedGauge(meter, 'causeway.ledger.conflicting_instances');
  const flagged = observedGauge(meter, 'causeway.ledger.flagged_studies');
  const incomplete = observedGauge(meter, 'causeway.ledger.incomplete_studies');
  const late = observedGauge(meter, 'causeway.ledger.late_receipts');
  const deliveries = observedGauge(meter, 'causeway.ledger.deliveries');
  const age = observedGauge(meter, 'causeway.ledger.oldest_delivery.age');
  const receipts = observedGauge(meter, 'causeway.ledger.receipts');
  const tell = (result: BatchObservableResult, found: Look): void => {
    result.observe(held, found.work.held);
    result.observe(quarantined, found.work.quarantined);
    result.observe(conflicting, found.work.conflicting);
    result.observe(flagged, found.work.flagged);
    result.observe(incomplete, found.work.incomplete);
    result.observe(late, found.late);
    for (const { destination, state, deliveries: count } of found.destinations) result.observe(deliveries, count, { destination, state });
    for (const { destination, seconds } of found.oldest) result.observe(age, seconds, { destination });
    for (const { facility, outcome, receipts: count } of found.facilities) result.observe(receipts, count, { facility, outcome });
  };
  const recent = remembered(() => look(database, now()));
  meter.addBatchObservableCallback(
    async (result) => {
      const found = await recent().catch(() => undefined);
      if (found !== undefined) tell(result, found);
    },
    [held, quarantined, conflicting, flagged, incomplete, late, deliveries, age, receipts],
  );
}

/** Asks again once its answer is old; one question at a time. */
function remembered<T>(ask: () => Promise<T>): () => Promise<T> {
  let last: { at: number; answer: Promise<T> } | undefined;
  return () => {
    if (last === undefined || performance.now() - last.at > REMEMBERED_MS) last = { at: performance.now(), answer: ask() };
    return last.answer;
  };
}
