// Metrics of each service, and of what it is connected to: broker, object store, PostgreSQL, archives.
import { LONG, type MetricDefinition, SHORT } from './metric-definition.ts';

/** Of what every service is connected to. */
export const CONNECTIONS = {
  'causeway.service.info': { kind: 'observed-gauge', unit: '1', labels: ['version'], says: 'Always 1: which version runs' },
  'causeway.service.ready': { kind: 'observed-gauge', unit: '1', labels: [], says: '1: /health/ready answers 200' },
  'causeway.configuration.revision': {
    kind: 'observed-gauge',
    unit: '1',
    labels: [],
    says: 'Revision of the gateway document in force here',
  },
  'causeway.clock.offset': {
    kind: 'observed-gauge',
    unit: 's',
    labels: [],
    says: "Clock of this machine minus the broker's, from a publication with its answer, once a minute",
  },
  'messaging.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['messaging.destination.name', 'error.type'],
    says: 'Publications until JetStream acknowledged, by the first two words of the subject',
    buckets: SHORT,
  },
  'messaging.process.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['messaging.destination.name', 'error.type'],
    says: 'Handling of one message, by stream; with error.type it comes back, or is told as failed',
    buckets: LONG,
  },
  'causeway.object_store.operation.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['operation', 'error.type'],
    says: 'Operations on the object store: commit, get (until the first byte can be read), stat, delete, probe',
    buckets: SHORT,
  },
  'causeway.object_store.free': { kind: 'observed-gauge', unit: 'By', labels: [], says: 'Free space of the volume (folder store only)' },
  'causeway.object_store.size': { kind: 'observed-gauge', unit: 'By', labels: [], says: 'Size of the volume (folder store only)' },
  'db.client.operation.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['db.operation.name', 'error.type'],
    says: 'Statements in PostgreSQL (ledger, console)',
    buckets: SHORT,
  },
  'db.client.connection.count': {
    kind: 'observed-up-down-counter',
    unit: '{connection}',
    labels: ['db.client.connection.state'],
    says: 'Connections of the pool to PostgreSQL',
  },
  'db.client.connection.max': { kind: 'observed-up-down-counter', unit: '{connection}', labels: [], says: 'Most of them' },
  'db.client.connection.pending_requests': {
    kind: 'observed-up-down-counter',
    unit: '{request}',
    labels: [],
    says: 'Who waits for a connection',
  },
  'causeway.database.reachable': { kind: 'observed-gauge', unit: '1', labels: [], says: '1: PostgreSQL answers (ledger, console)' },
} as const satisfies Record<string, MetricDefinition>;
