// Metrics of each process, by the semantic conventions of OpenTelemetry for processes, Node and V8.
import { type MetricDefinition, PAUSE } from './metric-definition.ts';

/** Of each service's process. */
export const PROCESS = {
  'process.memory.usage': { kind: 'observed-up-down-counter', unit: 'By', labels: [], says: 'Resident memory' },
  'process.cpu.time': { kind: 'observed-counter', unit: 's', labels: ['cpu.mode'], says: 'Processor time used' },
  'process.uptime': { kind: 'observed-gauge', unit: 's', labels: [], says: 'Since the process started' },
  'nodejs.eventloop.utilization': { kind: 'observed-gauge', unit: '1', labels: [], says: 'Share of time the event loop was busy' },
  'nodejs.eventloop.delay.p50': {
    kind: 'observed-gauge',
    unit: 's',
    labels: [],
    says: 'Median delay of the event loop since the last scrape',
  },
  'nodejs.eventloop.delay.p99': { kind: 'observed-gauge', unit: 's', labels: [], says: '99th percentile of it' },
  'nodejs.eventloop.delay.max': { kind: 'observed-gauge', unit: 's', labels: [], says: 'The longest of them' },
  'v8js.memory.heap.used': { kind: 'observed-up-down-counter', unit: 'By', labels: ['v8js.heap.space.name'], says: 'Heap in use' },
  'v8js.memory.heap.limit': { kind: 'observed-up-down-counter', unit: 'By', labels: ['v8js.heap.space.name'], says: 'Heap reserved' },
  'v8js.gc.duration': { kind: 'histogram', unit: 's', labels: ['v8js.gc.type'], says: 'Pauses of garbage collection', buckets: PAUSE },
} as const satisfies Record<string, MetricDefinition>;
