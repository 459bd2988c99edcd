// The ledger's numbers for Prometheus: what it has done.
import type { Bus } from '@causeway/shared/bus/bus';
import { SPACE_STAGES, type SpaceStage } from '@causeway/shared/config/space-stages';
import type { Database } from '@causeway/shared/database/database';
import { counter, gauge, histogram } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import { observeQueues } from './queue-metrics.ts';
import { observeWork } from './work-metrics.ts';

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

export function ledgerMetrics(meter: Meter, parts: { bus: Bus; database: Database }): LedgerMetrics {
  const facts = counter(meter, 'causeway.ledger.facts');
  const seconds = histogram(meter, 'causeway.ledger.batch.duration');
  const left = counter(meter, 'causeway.ledger.facts_left_behind');
  const conflicting = counter(meter, 'causeway.ledger.conflicts');
  const motion = counter(meter, 'causeway.ledger.reconciled');
  const postponed = counter(meter, 'causeway.ledger.postponed');
  const deleted = counter(meter, 'causeway.ledger.objects_deleted');
  const requeued = counter(meter, 'causeway.ledger.deliveries_requeued');
  const settled = counter(meter, 'causeway.ledger.studies_settled');
  const stage = gauge(meter, 'causeway.ledger.space.stage');
  const clock = gauge(meter, 'causeway.ledger.clock.distrusted');
  const miscounted = gauge(meter, 'causeway.ledger.tables_miscounted');
  // There from the start: an alert on an increase cannot see a series that begins with its first one.
  left.add(0);
  observeWork(meter, { database: parts.database, now: () => new Date() });
  observeQueues(meter, parts.bus);
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
