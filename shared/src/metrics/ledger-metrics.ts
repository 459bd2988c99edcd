// Metrics of the ledger: what waits for a person or a destination, how far it is behind, and the queues of the broker, which it tells for all.
import { type MetricDefinition, SHORT } from './metric-definition.ts';

/** Gauges from PostgreSQL: absent, not zero, while it is away. */
export const WORK = {
  'causeway.ledger.held_instances': { kind: 'observed-gauge', unit: '{instance}', labels: [], says: 'Instances that wait for an operator' },
  'causeway.ledger.quarantined_instances': {
    kind: 'observed-gauge',
    unit: '{instance}',
    labels: [],
    says: 'Instances that a step refused for good',
  },
  'causeway.ledger.conflicting_instances': {
    kind: 'observed-gauge',
    unit: '{instance}',
    labels: [],
    says: 'SOP Instance UIDs received with other content or for another series',
  },
  'causeway.ledger.flagged_studies': {
    kind: 'observed-gauge',
    unit: '{study}',
    labels: [],
    says: 'Studies whose instances disagree about the patient or their endpoints',
  },
  'causeway.ledger.incomplete_studies': {
    kind: 'observed-gauge',
    unit: '{study}',
    labels: [],
    says: 'Studies that have settled after their last association broke off',
  },
  'causeway.ledger.late_receipts': {
    kind: 'observed-gauge',
    unit: '{instance}',
    labels: [],
    says: 'Instances received before yesterday (UTC) that are neither delivered nor discarded',
  },
  'causeway.ledger.oldest_delivery.age': {
    kind: 'observed-gauge',
    unit: 's',
    labels: ['destination'],
    says: 'Age of the oldest delivery that is due, retrying or parked; the 200 destinations with the most work, and `_all`',
  },
  'causeway.ledger.deliveries': {
    kind: 'observed-gauge',
    unit: '{delivery}',
    labels: ['destination', 'state'],
    says: 'Deliveries that are due, retrying, parked or failed; the 200 destinations with the most, and `_other`',
  },
  'causeway.ledger.receipts': {
    kind: 'observed-gauge',
    unit: '{instance}',
    labels: ['facility', 'outcome'],
    says: 'Instances received today and yesterday (UTC), by what became of them; the 200 facilities with the most, `_other`, `_none` (of no facility), and `_all`. Each facility of an instance counts it, `_all` counts it once',
  },
} as const satisfies Record<string, MetricDefinition>;

export const LEDGER = {
  'causeway.ledger.facts': { kind: 'counter', unit: '{fact}', labels: [], says: 'Facts written' },
  'causeway.ledger.batch.duration': { kind: 'histogram', unit: 's', labels: [], says: 'Writing one batch of facts', buckets: SHORT },
  'causeway.ledger.facts_left_behind': { kind: 'counter', unit: '{fact}', labels: [], says: 'Facts that can never be stored' },
  'causeway.ledger.facts_behind': { kind: 'observed-gauge', unit: '{fact}', labels: [], says: 'Facts not written yet' },
  'causeway.ledger.lag': { kind: 'observed-gauge', unit: 's', labels: [], says: 'Age of the oldest fact not written yet' },
  'causeway.ledger.conflicts': {
    kind: 'counter',
    unit: '{instance}',
    labels: [],
    says: 'SOP Instance UIDs found with other content or for another series',
  },
  'causeway.ledger.reconciled': { kind: 'counter', unit: '{item}', labels: ['kind'], says: 'Work that reconciliation set in motion again' },
  'causeway.ledger.postponed': {
    kind: 'counter',
    unit: '{item}',
    labels: ['kind'],
    says: 'Work that reconciliation did not judge: queues were busy',
  },
  'causeway.ledger.objects_deleted': {
    kind: 'counter',
    unit: '{object}',
    labels: [],
    says: 'Received objects deleted after their retention',
  },
  'causeway.ledger.deliveries_requeued': {
    kind: 'counter',
    unit: '{delivery}',
    labels: ['destination'],
    says: 'Parked deliveries that were queued',
  },
  'causeway.ledger.studies_settled': {
    kind: 'counter',
    unit: '{study}',
    labels: ['incomplete'],
    says: 'Studies of which nothing came for a while, by whether their last association broke off',
  },
  'causeway.ledger.space.stage': {
    kind: 'gauge',
    unit: '1',
    labels: [],
    says: 'Free space: 0 enough, 1 the cache goes, 2 delivered objects go before their time, 3 nothing is received',
  },
  'causeway.ledger.clock.distrusted': { kind: 'gauge', unit: '1', labels: [], says: '1: the clock has jumped, nothing is deleted' },
  'causeway.ledger.tables_miscounted': {
    kind: 'gauge',
    unit: '{table}',
    labels: [],
    says: 'Tables of counts that differ from the rows, in a sample',
  },
  'causeway.stream.messages': {
    kind: 'observed-gauge',
    unit: '{message}',
    labels: ['stream'],
    says: 'Messages in a JetStream stream; told by each ledger',
  },
  'causeway.stream.messages.limit': { kind: 'observed-gauge', unit: '{message}', labels: ['stream'], says: 'Most messages it takes' },
  'causeway.stream.size': { kind: 'observed-gauge', unit: 'By', labels: ['stream'], says: 'Bytes in it' },
  'causeway.stream.size.limit': { kind: 'observed-gauge', unit: 'By', labels: ['stream'], says: 'Most bytes it takes' },
  'causeway.stream.replicas': {
    kind: 'observed-gauge',
    unit: '{copy}',
    labels: ['stream'],
    says: 'Copies it is meant to have: 1 on one machine, 3 on a cluster',
  },
  'causeway.stream.replicas.current': {
    kind: 'observed-gauge',
    unit: '{copy}',
    labels: ['stream'],
    says: 'Copies that are up to date now',
  },
} as const satisfies Record<string, MetricDefinition>;
