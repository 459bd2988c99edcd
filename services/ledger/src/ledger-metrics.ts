// The ledger's numbers for Prometheus: how it keeps up, and what waits for a person.
import type { Bus } from '@causeway/shared/bus/bus';
import { SPACE_STAGES, type SpaceStage } from '@causeway/shared/config/space-stages';
import type { Database } from '@causeway/shared/database/database';
import { type OpenWork, openWork } from '@causeway/shared/database/open-work';
import { countLateReceipts, yesterday } from '@causeway/shared/database/reconciliation-queries';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import type { BatchObservableResult, Meter } from '@causeway/shared/telemetry';

export interface LedgerMetrics {
  written(facts: number, seconds: number): void;
  leftBehind(): void;
  conflicting(count: number): void;
  reconciled(kind: 'objects' | 'instances' | 'deliveries', count: number): void;
  postponed(kind: 'objects' | 'instances' | 'deliveries', count: number): void;
  deleted(objects: number): void;
  spaceStage(stage: SpaceStage): void;
  /** Nothing is deleted, because the clock cannot be trusted. */
  clockDistrusted(is: boolean): void;
  /** Tables whose counts are not what the rows say. */
  miscounted(tables: number): void;
  requeued(destination: string, count: number): void;
  settled(incomplete: boolean): void;
}

const WORK: readonly { name: string; description: string; value: (work: OpenWork) => number }[] = [
  { name: 'causeway_held_instances', description: 'instances that wait for an operator', value: (work) => work.held },
  { name: 'causeway_quarantined_instances', description: 'instances that a step refused for good', value: (work) => work.quarantined },
  {
    name: 'causeway_failed_deliveries',
    description: 'deliveries that were given up, until somebody retries them',
    value: (work) => work.failed,
  },
  {
    name: 'causeway_conflicting_instances',
    description: 'SOP Instance UIDs received with other content or for another series',
    value: (work) => work.conflicting,
  },
  {
    name: 'causeway_flagged_studies',
    description: 'studies whose instances disagree about the patient or their endpoints',
    value: (work) => work.flagged,
  },
  {
    name: 'causeway_incomplete_studies',
    description: 'studies that have settled after their last association broke off',
    value: (work) => work.incomplete,
  },
  { name: 'causeway_open_deliveries', description: 'deliveries due or retrying', value: (work) => work.open },
  { name: 'causeway_parked_deliveries', description: 'deliveries due that wait for room in a queue', value: (work) => work.parked },
  {
    name: 'causeway_oldest_undelivered_seconds',
    description: 'age of the oldest open or parked delivery',
    value: (work) => work.oldestOpenSeconds,
  },
];

export function ledgerMetrics(meter: Meter, parts: { bus: Bus; database: Database }): LedgerMetrics {
  const facts = meter.createCounter('causeway_ledger_facts', { description: 'facts written' });
  const seconds = meter.createHistogram('causeway_ledger_batch_seconds', { description: 'time to write one batch of facts', unit: 's' });
  const left = meter.createCounter('causeway_ledger_facts_left_behind', { description: 'facts that can never be stored' });
  const conflicting = meter.createCounter('causeway_ledger_conflicts_found', {
    description: 'SOP Instance UIDs found with other content or for another series',
  });
  const motion = meter.createCounter('causeway_ledger_set_in_motion_again', { description: 'work that reconciliation published again' });
  const postponed = meter.createCounter('causeway_ledger_reconciliation_postponed', {
    description: 'work that reconciliation did not judge: queues were busy',
  });
  const deleted = meter.createCounter('causeway_ledger_objects_deleted', { description: 'received objects deleted after their retention' });
  const requeued = meter.createCounter('causeway_ledger_deliveries_requeued', {
    description: 'parked deliveries that were queued, by destination',
  });
  const settled = meter.createCounter('causeway_ledger_studies_settled', {
    description: 'studies of which nothing came for a while, by whether their last association broke off',
  });
  const stage = meter.createGauge('causeway_space_stage', {
    description: 'free space: 0 enough, 1 the cache goes, 2 delivered objects go before their time, 3 nothing is received',
  });
  const clock = meter.createGauge('causeway_ledger_clock_distrusted', { description: '1: the clock has jumped, nothing is deleted' });
  const miscounted = meter.createGauge('causeway_ledger_tables_miscounted', {
    description: 'tables of counts that differ from the rows, in a sample',
  });
  observeWork(meter, parts.database);
  observeLateReceipts(meter, parts.database);
  observeLag(meter, parts.bus);
  return {
    written: (count, took) => {
      facts.add(count);
      seconds.record(took);
    },
    leftBehind: () => left.add(1),
    conflicting: (count) => conflicting.add(count),
    reconciled: (kind, count) => motion.add(count, { kind }),
    postponed: (kind, count) => postponed.add(count, { kind }),
    deleted: (objects) => deleted.add(objects),
    spaceStage: (now) => stage.record(SPACE_STAGES.indexOf(now)),
    clockDistrusted: (is) => clock.record(is ? 1 : 0),
    miscounted: (tables) => miscounted.record(tables),
    settled: (incomplete) => settled.add(1, { incomplete: String(incomplete) }),
    requeued: (destination, count) => requeued.add(count, { destination }),
  };
}

/** With PostgreSQL away the gauges are absent, not zero: an alert on absence tells the difference. */
function observeWork(meter: Meter, database: Database): void {
  const gauges = WORK.map(({ name, description, value }) => ({ gauge: meter.createObservableGauge(name, { description }), value }));
  meter.addBatchObservableCallback(
    async (result) => {
      const work = await openWork(database).catch(() => undefined);
      if (work) for (const { gauge, value } of gauges) result.observe(gauge, value(work));
    },
    gauges.map(({ gauge }) => gauge),
  );
}

/** With JetStream away the gauges are absent. */
function observeLag(meter: Meter, bus: Bus): void {
  const behind = meter.createObservableGauge('causeway_ledger_facts_behind', { description: 'facts not written yet' });
  const seconds = meter.createObservableGauge('causeway_ledger_behind_seconds', { description: 'age of the oldest fact not written yet' });
  const observe = async (result: BatchObservableResult): Promise<void> => {
    const since = await bus.waitingSince('FACTS', LEDGER_CONSUMER);
    result.observe(behind, await bus.unacknowledged('FACTS', LEDGER_CONSUMER));
    result.observe(seconds, since === undefined ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1_000));
  };
  meter.addBatchObservableCallback((result) => observe(result).catch(() => {}), [behind, seconds]);
}

/** What was received before yesterday should have arrived, or wait for a person who knows. */
function observeLateReceipts(meter: Meter, database: Database): void {
  const late = meter.createObservableGauge('causeway_late_receipts', {
    description: 'instances received before yesterday (UTC) that are neither delivered nor discarded',
  });
  late.addCallback(async (result) => {
    const found = await countLateReceipts(database, yesterday(new Date())).catch(() => undefined);
    if (found) result.observe(found.receipts);
  });
}
