// The services of an instance's way in so many processes each, as on a cluster: on a broker of one or three servers, one PostgreSQL, and a folder or an S3 server for objects.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startNatsCluster } from '@causeway/shared/bus/nats-cluster-for-tests';
import { freePort, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { startS3FaultProxy } from '@causeway/shared/object-store/s3-fault-proxy-for-tests';
import { startS3Server } from '@causeway/shared/object-store/s3-server-for-tests';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../deploy/standalone/src/node-runtime.ts';
import { ROOT } from '../src/gateway-under-test.ts';
import { startPostgres } from '../src/postgres-for-tests.ts';
import { until } from '../src/wait-for-fact.ts';
import { start } from './bench-processes.ts';

/** The retriever has no part in what comes in. The console has: it follows every fact for the live page, and publishes the gateway document. */
export const SERVICES = ['console', 'ledger', 'receiver', 'compressor', 'router', 'uploader'] as const;
export type Service = (typeof SERVICES)[number];

export interface ReplicatedOptions {
  readonly folder: string;
  readonly name: string;
  /** Processes of each service. */
  readonly replicas: number;
  readonly config: object;
  /** Of each stream; 3: three nats-servers. */
  readonly copies: 1 | 3;
  readonly objects: 'folder' | 's3';
}

export interface ReplicatedGateway {
  readonly dicomPort: number;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  /** What the services asked of the S3 server, as "PUT /bucket/key?query"; a folder: none. */
  readonly s3Requests: readonly string[];
  /** Process ids by service, `nats-server`, `PostgreSQL` and `S3`. */
  readonly pids: Readonly<Record<string, readonly number[]>>;
  /** All its processes; resolves when they are ready. */
  start(service: Service): Promise<void>;
  stop(): Promise<void>;
}

/** What the services need of something that they stand on. */
interface Ground {
  readonly environment: Readonly<Record<string, string>>;
  readonly pids: readonly number[];
  readonly requests?: readonly string[];
  stop(): Promise<void>;
}

const BUCKET = 'bench';
/** A test's PostgreSQL does not sync; this one does. */
const POSTGRES = ['fsync=on', 'max_connections=200', 'shared_buffers=128MB'];

/** Without any service. */
export async function startReplicatedGateway(options: ReplicatedOptions): Promise<ReplicatedGateway> {
  const folder = join(options.folder, options.name);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'gateway.json'), JSON.stringify(options.config));
  await writeFile(join(folder, 'first-password'), 'of-a-benchmark');
  const [broker, store, postgres] = await Promise.all([startBroker(options, folder), startStore(options, folder), startPostgres(POSTGRES)]);
  const postmaster = Number((await readFile(join(postgres.data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
  const dicomPort = await freePort();
  const running: { pid: number; stop(): Promise<void> }[] = [];
  const pids: Record<string, number[]> = { 'nats-server': [...broker.pids], PostgreSQL: [postmaster], S3: [...store.pids] };
  const environment = {
    ...broker.environment,
    ...store.environment,
    ...serviceEnvironment({ folder, dicomPort, databaseUrl: postgres.url }),
  };
  return {
    ...{ dicomPort, natsUrl: broker.environment.CAUSEWAY_NATS_URL!, databaseUrl: postgres.url, pids, s3Requests: store.requests ?? [] },
    start: async (service) => {
      const started = await Promise.all(
        Array.from({ length: options.replicas }, (_, at) => startOne({ service, at, folder, environment })),
      );
      running.push(...started);
      pids[service] = started.map(({ pid }) => pid);
    },
    stop: async () => {
      await Promise.all(running.map((process) => process.stop()));
      await Promise.all([broker.stop(), store.stop(), postgres.stop()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startBroker({ copies }: ReplicatedOptions, folder: string): Promise<Ground> {
  const environmentOf = (url: string) => ({ CAUSEWAY_NATS_URL: url, CAUSEWAY_STREAM_REPLICAS: String(copies) });
  if (copies === 1) {
    const server = await startNatsServer({ folder: join(folder, 'nats') });
    return { environment: environmentOf(server.url), pids: [server.pid], stop: () => server.stop() };
  }
  const cluster = await startNatsCluster();
  return { environment: environmentOf(cluster.url), pids: cluster.servers.map(({ pid }) => pid), stop: () => cluster.stop() };
}

async function startStore({ objects }: ReplicatedOptions, folder: string): Promise<Ground> {
  if (objects === 'folder')
    return { environment: { CAUSEWAY_OBJECT_STORE: `folder:${join(folder, 'objects')}` }, pids: [], stop: async () => {} };
  const server = await startS3Server({ keeps: 'disk' });
  const proxy = await startS3FaultProxy(server.port);
  const environment = { ...(server.environment(BUCKET) as Record<string, string>), CAUSEWAY_S3_ENDPOINT: proxy.endpoint };
  const stop = async (): Promise<void> => {
    await proxy.close();
    await server.stop();
  };
  return { environment, pids: [...server.pids().values()], requests: proxy.requests, stop };
}

const serviceEnvironment = (at: { folder: string; dicomPort: number; databaseUrl: string }) => ({
  ...(NODE_ENVIRONMENT as Record<string, string>),
  CAUSEWAY_DATABASE_URL: at.databaseUrl,
  CAUSEWAY_DICOM_HOST: '127.0.0.1',
  CAUSEWAY_DICOM_PORT: String(at.dicomPort),
  CAUSEWAY_DICOM_REUSE_PORT: 'true',
  CAUSEWAY_CONFIG: join(at.folder, 'gateway.json'),
  CAUSEWAY_FIRST_PASSWORD_FILE: join(at.folder, 'first-password'),
  CAUSEWAY_LOG_LEVEL: 'warn',
});

interface Replica {
  readonly service: Service;
  readonly at: number;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;
}

async function startOne({ service, at, folder, environment }: Replica): Promise<{ pid: number; stop(): Promise<void> }> {
  const [opsPort, httpPort] = [await freePort(), await freePort()];
  const process = start({
    command: globalThis.process.execPath,
    args: [...NODE_FLAGS, join(ROOT, 'services', service, 'src', 'main.ts')],
    env: { ...environment, CAUSEWAY_OPS_PORT: String(opsPort), CAUSEWAY_HTTP_PORT: String(httpPort) },
    logFolder: folder,
    name: `${service}-${at}`,
  });
  await until(`${service}-${at} is ready`, async () => (await fetch(`http://127.0.0.1:${opsPort}/health/ready`)).ok, 120_000);
  return { pid: process.pid, stop: () => process.stop('SIGKILL') };
}
