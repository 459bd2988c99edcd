// How the table of streams (events/flow.ts) becomes JetStream configuration.
import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream';
import { FLOW, type StreamName } from '../events/flow.ts';

export interface StreamSizing {
  readonly replicas: number;
  /** Disk that all streams together may take, bytes; it must stay below the server's max_file_store. */
  readonly totalBytes: number;
}

/** Shares of the disk: deliveries wait for days when an archive is down; facts are kept for 14 days; the rest flows through. Sum 0.95, the KV buckets have the remainder. */
const SHARE: Record<StreamName, number> = {
  RECEIVED: 0.15,
  READY: 0.15,
  DERIVATIONS: 0.02,
  DELIVERIES: 0.3,
  RETRIEVALS: 0.02,
  COMMITMENTS: 0.01,
  FACTS: 0.3,
};

/** One small message a service, replaced each time: publishing is the only proof that JetStream takes publications (nats-server 2.9 after a full disk). */
export const PROBES = {
  name: 'PROBES',
  subjects: ['probe.>'],
  retention: RetentionPolicy.Limits,
  discard: DiscardPolicy.Old,
  storage: StorageType.File,
  max_msgs: 1_000,
  max_msgs_per_subject: 1,
  max_bytes: 1024 ** 2,
  max_age: 0,
};

const NANOS_PER_MS = 1_000_000;
const STREAM_NOT_FOUND = 10_059;

function configurationOf(name: StreamName, sizing: StreamSizing): Partial<StreamConfig> & { name: string } {
  const plan = FLOW[name];
  return {
    name,
    subjects: plan.subjects,
    retention: plan.retention === 'workqueue' ? RetentionPolicy.Workqueue : RetentionPolicy.Limits,
    // A full work queue refuses, so that pressure travels back to the modality; facts make room, for the ledger can be rebuilt.
    discard: plan.retention === 'workqueue' ? DiscardPolicy.New : DiscardPolicy.Old,
    storage: StorageType.File,
    num_replicas: sizing.replicas,
    max_msgs: plan.maxMessages,
    max_bytes: Math.floor(sizing.totalBytes * SHARE[name]),
    max_age: (plan.maxAgeMs ?? 0) * NANOS_PER_MS,
  };
}

/** Makes each stream, or brings its limits up to date. Safe to run by several services at once. */
export async function ensureStreams(manager: JetStreamManager, sizing: StreamSizing): Promise<void> {
  for (const name of Object.keys(FLOW) as StreamName[]) await ensureStream(manager, configurationOf(name, sizing));
  await ensureStream(manager, { ...PROBES, num_replicas: sizing.replicas });
}

async function ensureStream(manager: JetStreamManager, wanted: Partial<StreamConfig> & { name: string }): Promise<void> {
  try {
    const { config } = await manager.streams.info(wanted.name);
    const changed = config.max_msgs !== wanted.max_msgs || config.max_bytes !== wanted.max_bytes || config.max_age !== wanted.max_age;
    if (changed || config.num_replicas !== wanted.num_replicas) await manager.streams.update(wanted.name, wanted);
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== STREAM_NOT_FOUND) throw error;
    await manager.streams.add(wanted);
  }
}
