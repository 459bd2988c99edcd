// Metrics of the services that talk to archives and local peers: uploader, retriever.
import { ARCHIVED, LONG, type MetricDefinition } from './metric-definition.ts';

export const UPLOADER = {
  'causeway.uploader.deliveries': {
    kind: 'counter',
    unit: '{delivery}',
    labels: ['destination', 'outcome'],
    says: 'Deliveries: delivered, coalesced (an identical copy was confirmed), attempted (comes again), failed (given up)',
  },
  'causeway.uploader.bytes': { kind: 'counter', unit: 'By', labels: ['destination'], says: 'Bytes of objects delivered' },
  'causeway.uploader.request.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['destination'],
    says: 'A STOW-RS request or a batch of store operations',
    buckets: LONG,
  },
  'causeway.uploader.time_to_archive': {
    kind: 'histogram',
    unit: 's',
    labels: ['lane'],
    says: 'From receipt to confirmation by the destination; instances received here, each confirmed delivery',
    buckets: ARCHIVED,
  },
  'causeway.uploader.destination.state': {
    kind: 'observed-gauge',
    unit: '1',
    labels: ['destination'],
    says: '0 flowing, 1 probing, 2 paused',
  },
  'causeway.uploader.paced.bytes': { kind: 'counter', unit: 'By', labels: ['destination'], says: 'Bytes sent under a limit of bandwidth' },
  'causeway.uploader.paced.wait': {
    kind: 'counter',
    unit: 's',
    labels: ['destination'],
    says: 'Time that objects under way waited for a limit of bandwidth, all together',
  },
  'causeway.uploader.window.closed': {
    kind: 'observed-gauge',
    unit: '1',
    labels: ['destination'],
    says: '1: only stat work is sent now; destinations with a window',
  },
  'causeway.uploader.queued': {
    kind: 'observed-gauge',
    unit: '{delivery}',
    labels: ['destination', 'lane'],
    says: 'Deliveries queued or under way in the whole cluster: the same at each uploader, some seconds old',
  },
  'causeway.uploader.queues': {
    kind: 'observed-gauge',
    unit: '{consumer}',
    labels: [],
    says: 'Durable consumers in use here: destination, lane and facility with recent work',
  },
  'causeway.uploader.replicas': {
    kind: 'observed-gauge',
    unit: '{process}',
    labels: [],
    says: 'Living uploaders, among which the slots of destinations are divided',
  },
  'causeway.uploader.certificate.remaining': {
    kind: 'observed-gauge',
    unit: 's',
    labels: ['destination'],
    says: 'Until the certificate that we show the destination expires; destinations with one, looked at every ten minutes',
  },
} as const satisfies Record<string, MetricDefinition>;

export const RETRIEVER = {
  'causeway.retriever.retrievals': { kind: 'counter', unit: '{retrieval}', labels: ['source', 'outcome'], says: 'Retrievals ended' },
  'causeway.retriever.instances': {
    kind: 'counter',
    unit: '{instance}',
    labels: ['source', 'origin'],
    says: 'Instances handed on, from the source or from the cache',
  },
  'causeway.retriever.bytes': { kind: 'counter', unit: 'By', labels: ['source'], says: 'Bytes fetched' },
  'causeway.retriever.cache.size': { kind: 'gauge', unit: 'By', labels: [], says: 'The cache after the last sweep' },
  'causeway.retriever.cache.objects': { kind: 'gauge', unit: '{object}', labels: [], says: 'Objects in it' },
} as const satisfies Record<string, MetricDefinition>;
