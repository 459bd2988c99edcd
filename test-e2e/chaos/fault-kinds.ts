// Everything that the chaos suite does to a cluster: what it may hit, for how long, and how many arrivals at an archive it can repeat.

/** Machines with a nats-server, a receiver and some of the other services each. */
export const NODES = ['m1', 'm2', 'm3'] as const;
export const NATS = ['nats-1', 'nats-2', 'nats-3'] as const;
/** Name of a process, and the machine it runs on: never both of a kind on one. */
export const SERVICE_PLACES: Readonly<Record<string, string>> = {
  'receiver-1': 'm1',
  'receiver-2': 'm2',
  'receiver-3': 'm3',
  'compressor-1': 'm1',
  'compressor-2': 'm2',
  'router-1': 'm2',
  'router-2': 'm3',
  'uploader-1': 'm3',
  'uploader-2': 'm1',
  'retriever-1': 'm1',
  'retriever-2': 'm3',
  'ledger-1': 'm2',
  'ledger-2': 'm1',
  'console-1': 'm3',
  'console-2': 'm2',
};
export const SERVICES = Object.keys(SERVICE_PLACES);
export const ARCHIVES = ['archive', 'second'] as const;

export const KINDS = [
  'kill',
  'pause',
  'restart',
  'partition',
  'partition-of-two',
  'partition-one-way',
  'disk-full',
  'slow-disk',
  'spool-full',
  'clock-step',
  'leader-loss',
  's3-loss',
  's3-errors',
  'postgres-failover',
  'postgres-loss',
  'rolling-upgrade',
  'configuration',
  'archive-errors',
] as const;
export type FaultKind = (typeof KINDS)[number];

/** What makes two faults exclude each other while both last; a process or machine excludes itself. */
export type Exclusion = 'postgres' | 's3' | 'configuration' | 'upgrade';

export interface FaultForm {
  readonly targets: readonly string[];
  /** Shortest and longest, ms; 0: it is over once it is done, and what it ended is started again after a second. */
  readonly forMs: readonly [number, number];
  /** One of them is drawn; what they mean is told where the fault is done. */
  readonly variants?: readonly string[];
  readonly excludes?: Exclusion;
  /** A nats-server is gone, cut off or slow for the others. */
  readonly takesNatsServer?: true;
}

const PROCESSES = [...SERVICES, ...NATS, ...ARCHIVES, 'balancer'];
const MINUTE = 60_000;

export const FORMS: Readonly<Record<FaultKind, FaultForm>> = {
  kill: { targets: [...PROCESSES, 's3-osd', 's3-rgw'], forMs: [0, 0] },
  pause: { targets: [...SERVICES, ...NATS, ...ARCHIVES, 'postgres'], forMs: [3_000, 12_000] },
  restart: { targets: PROCESSES, forMs: [0, 0] },
  partition: { targets: NODES, forMs: [5_000, 15_000], takesNatsServer: true },
  'partition-of-two': { targets: ['m1 m2', 'm2 m3', 'm1 m3'], forMs: [5_000, 15_000], takesNatsServer: true },
  'partition-one-way': { targets: NODES, forMs: [5_000, 15_000], variants: ['out', 'in'], takesNatsServer: true },
  'disk-full': { targets: NATS, forMs: [6_000, 15_000] },
  'slow-disk': { targets: NATS, forMs: [6_000, 15_000] },
  'spool-full': { targets: NODES, forMs: [6_000, 15_000] },
  // Minutes: what NTP would forgive, what an S3 store refuses (15), another day, and longer than objects are kept.
  'clock-step': {
    targets: SERVICES,
    forMs: [5_000, 15_000],
    variants: [-26 * 60, -20, -3, 3, 20, 8 * 24 * 60].map((minutes) => String(minutes * MINUTE)),
  },
  'leader-loss': { targets: ['RECEIVED', 'DELIVERIES', 'FACTS'], forMs: [0, 0], takesNatsServer: true },
  's3-loss': { targets: ['s3'], forMs: [3_000, 10_000], excludes: 's3' },
  's3-errors': { targets: ['s3'], forMs: [5_000, 12_000], variants: ['unavailable', 'internal', 'lost-answers', 'resets'], excludes: 's3' },
  'postgres-failover': { targets: ['postgres'], forMs: [1_000, 4_000], excludes: 'postgres' },
  'postgres-loss': { targets: ['postgres'], forMs: [4_000, 15_000], excludes: 'postgres' },
  'rolling-upgrade': { targets: ['services'], forMs: [0, 0], excludes: 'upgrade' },
  configuration: {
    targets: ['document'],
    // A destination has to be missing for 15 s until its deliveries are told as failed.
    forMs: [5_000, 28_000],
    variants: ['compression', 'limits', 'bandwidth', 'destination-removed'],
    excludes: 'configuration',
  },
  'archive-errors': { targets: ARCHIVES, forMs: [4_000, 12_000], variants: ['unavailable', 'internal', 'cut', 'cut-late', 'slow', 'hang'] },
};
