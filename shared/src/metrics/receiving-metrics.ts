// Metrics of the services on the way in: receiver, compressor, router.
import { FRAME, LONG, type MetricDefinition } from './metric-definition.ts';

export const RECEIVER = {
  'causeway.receiver.instances': {
    kind: 'counter',
    unit: '{instance}',
    labels: ['status', 'facility'],
    says: 'C-STORE operations answered, by status and by the facility that the association alone decided (else none)',
  },
  'causeway.receiver.bytes': { kind: 'counter', unit: 'By', labels: [], says: 'Bytes of data sets received' },
  'causeway.receiver.store.duration': {
    kind: 'histogram',
    unit: 's',
    labels: [],
    says: 'From the C-STORE command to its answer',
    buckets: LONG,
  },
  'causeway.receiver.associations': { kind: 'counter', unit: '{association}', labels: ['outcome'], says: 'Associations requested' },
  'causeway.receiver.associations_open': { kind: 'observed-gauge', unit: '{association}', labels: [], says: 'Associations open' },
  'causeway.receiver.limits_reached': {
    kind: 'counter',
    unit: '{refusal}',
    labels: ['limit'],
    says: 'Refusals, aborts and closed connections, by the field of the gateway document',
  },
  'causeway.receiver.admission.load': {
    kind: 'observed-gauge',
    unit: '1',
    labels: ['limit'],
    says: 'Share of a limit of admission that is used; above 1 work is refused',
  },
  'causeway.receiver.refusing': { kind: 'observed-gauge', unit: '1', labels: [], says: '1: nothing is admitted now' },
  'causeway.receiver.listener.open': { kind: 'observed-gauge', unit: '1', labels: ['listener'], says: '1: the port is open' },
  'causeway.receiver.certificate.remaining': {
    kind: 'observed-gauge',
    unit: 's',
    labels: ['listener'],
    says: 'Until the first certificate of the chain expires',
  },
} as const satisfies Record<string, MetricDefinition>;

export const COMPRESSOR = {
  'causeway.compressor.instances': { kind: 'counter', unit: '{instance}', labels: ['lane', 'outcome'], says: 'Instances made ready' },
  'causeway.compressor.coerced': {
    kind: 'counter',
    unit: '{instance}',
    labels: ['outcome'],
    says: 'Instances that coercion rules fitted',
  },
  'causeway.compressor.source.bytes': { kind: 'counter', unit: 'By', labels: ['outcome'], says: 'Bytes of the objects received' },
  'causeway.compressor.result.bytes': { kind: 'counter', unit: 'By', labels: ['outcome'], says: 'Bytes of the objects handed on' },
  'causeway.compressor.frame.encode.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['syntax'],
    says: 'Encoding one frame',
    buckets: FRAME,
  },
  'causeway.compressor.frame.proof.duration': {
    kind: 'histogram',
    unit: 's',
    labels: ['syntax'],
    says: 'Decoding and comparing one frame',
    buckets: FRAME,
  },
  'causeway.compressor.derivations': {
    kind: 'counter',
    unit: '{object}',
    labels: ['profile', 'outcome'],
    says: 'Derivations that deliveries ordered',
  },
  'causeway.compressor.work.active': { kind: 'observed-gauge', unit: '{instance}', labels: [], says: 'Instances under way' },
  'causeway.compressor.work.waiting': {
    kind: 'observed-gauge',
    unit: '{instance}',
    labels: [],
    says: 'Instances taken from the queue that wait for their turn',
  },
  'causeway.compressor.frame.memory': { kind: 'observed-gauge', unit: 'By', labels: [], says: 'Source frames held' },
  'causeway.compressor.codec.threads': { kind: 'observed-gauge', unit: '{thread}', labels: [], says: 'Codec threads alive' },
} as const satisfies Record<string, MetricDefinition>;

export const ROUTER = {
  'causeway.router.instances': {
    kind: 'counter',
    unit: '{instance}',
    labels: ['outcome'],
    says: 'Instances routed: sent, or the reason why they are held',
  },
  'causeway.router.deliveries': { kind: 'counter', unit: '{delivery}', labels: [], says: 'Due deliveries published' },
  'causeway.router.deliveries_parked': {
    kind: 'counter',
    unit: '{delivery}',
    labels: ['destination', 'reason'],
    says: 'Due deliveries that no queue had room for',
  },
} as const satisfies Record<string, MetricDefinition>;
