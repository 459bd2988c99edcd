// Part j: what one instance costs and leaves on a cluster (three nats-servers with three copies of each stream, an S3 server, two processes of each service): the figures of docs/SIZING.md.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '@causeway/shared/database/database';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { until } from '../src/wait-for-fact.ts';
import { type Candidate, type Costs, startCandidate } from './growth.ts';
import { type BenchFile, makeFiles } from './make-files.ts';
import type { ReplicatedGateway, Service } from './replicated-gateway.ts';

export interface FootprintPlan {
  readonly folder: string;
  /** For each measurement. */
  readonly instances: number;
  readonly rounds: number;
}

export interface FootprintRow {
  readonly compression: 'off' | 'on';
  /** Processor ms of an instance by service, `nats-server` (all three), `PostgreSQL` and `S3`. */
  readonly perInstance: Costs;
  readonly atRest: Costs;
  /** Of an instance, by what it was: "PUT received". */
  readonly s3Requests: Readonly<Record<string, number>>;
  /** One copy of the message of a waiting instance on disk, by stream. */
  readonly messageBytes: Readonly<Record<string, number>>;
  /** Facts of an instance, and what one copy of all of them takes. */
  readonly facts: number;
  readonly factBytes: number;
  /** Write-ahead log of PostgreSQL for an instance. */
  readonly walBytes: number;
}

const ASSOCIATIONS = 8;
const STAGED_INSTANCES = 48;

/** Each service takes what waits in the stream before it, and leaves it in the one after it. */
const STAGES: readonly [starts: readonly Service[], stream: string][] = [
  [['console', 'receiver'], 'RECEIVED'],
  [['compressor'], 'READY'],
  [['router'], 'DELIVERIES'],
];

export async function measureFootprint(plan: FootprintPlan): Promise<FootprintRow[]> {
  return [await measureWith(plan, 'off'), await measureWith(plan, 'on')];
}

async function measureWith(plan: FootprintPlan, compression: FootprintRow['compression']): Promise<FootprintRow> {
  const options = { folder: plan.folder, name: `footprint-${compression}`, replicas: 2, copies: 3, objects: 's3' } as const;
  const candidate = await startCandidate({ ...options, compressed: compression === 'on', services: [] });
  try {
    const messageBytes = await passStages(candidate, await filesFor(plan, { round: 0, instances: STAGED_INSTANCES }));
    await candidate.rest();
    const before = await leftBy(candidate.gateway);
    for (let round = 1; round <= plan.rounds; round++) {
      await candidate.measure(await filesFor(plan, { round, instances: plan.instances }), true);
      await rm(join(plan.folder, 'footprint-files'), { recursive: true });
    }
    const after = await leftBy(candidate.gateway);
    const each = (of: (left: Left) => number): number => (of(after) - of(before)) / (plan.rounds * plan.instances);
    const { perInstance, atRest } = candidate.row();
    return {
      ...{ compression, perInstance, atRest, messageBytes },
      s3Requests: Object.fromEntries(Object.keys(after.s3Requests).map((kind) => [kind, each(({ s3Requests }) => s3Requests[kind] ?? 0)])),
      facts: each(({ facts }) => facts),
      factBytes: each(({ factBytes }) => factBytes),
      walBytes: each(({ walBytes }) => walBytes),
    };
  } finally {
    await candidate.stop();
  }
}

const filesFor = ({ folder }: FootprintPlan, { round, instances }: { round: number; instances: number }): Promise<BenchFile[][]> =>
  makeFiles(join(folder, 'footprint-files'), { studies: ASSOCIATIONS, instances: instances / ASSOCIATIONS, seed: 12_000 + round });

/** Bytes of a waiting message by stream. In the end all services run, and everything has arrived. */
async function passStages(candidate: Candidate, groups: BenchFile[][]): Promise<Record<string, number>> {
  const { gateway } = candidate;
  const found: Record<string, number> = {};
  const instances = groups.flat().length;
  for (const [services, stream] of STAGES) {
    for (const service of services) await gateway.start(service);
    if (services.includes('receiver')) await candidate.send(groups);
    const waiting = await until(`${stream} has all`, async () => {
      const state = await stateOf(gateway, stream);
      return state.messages >= instances && state;
    });
    found[stream] = waiting.bytes / waiting.messages;
  }
  await Promise.all([gateway.start('uploader'), gateway.start('ledger')]);
  await candidate.untilArrived();
  await candidate.untilAccounted();
  return found;
}

interface Left {
  readonly s3Requests: Readonly<Record<string, number>>;
  readonly facts: number;
  readonly factBytes: number;
  readonly walBytes: number;
}

async function leftBy(gateway: ReplicatedGateway): Promise<Left> {
  const database = openDatabase(gateway.databaseUrl, { maxConnections: 1 });
  try {
    const [wal] = await database.query<{ bytes: number }>("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 AS bytes");
    const kinds = Map.groupBy(gateway.s3Requests, kindOf);
    const facts = await stateOf(gateway, 'FACTS');
    return {
      s3Requests: Object.fromEntries([...kinds].map(([kind, list]) => [kind, list.length])),
      facts: facts.messages,
      factBytes: facts.bytes,
      walBytes: wal!.bytes,
    };
  } finally {
    await database.close();
  }
}

/** "PUT /bench/received/2026/01/31/….dcm?uploadId=…" is a `PUT received`; what is asked of the bucket itself is a `GET (bucket)`. */
export function kindOf(request: string): string {
  const [method = '', path = ''] = request.split(' ');
  const [, , folder = ''] = path.replace(/\?.*$/, '').split('/');
  return `${method} ${folder === '' ? '(bucket)' : folder}`;
}

async function stateOf({ natsUrl }: ReplicatedGateway, stream: string): Promise<{ messages: number; bytes: number }> {
  const nats = await connect({ servers: natsUrl.split(',') });
  try {
    const { messages, bytes } = (await (await jetstreamManager(nats)).streams.info(stream)).state;
    return { messages, bytes };
  } finally {
    await nats.close();
  }
}
