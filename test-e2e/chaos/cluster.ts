// The whole cluster: nine machines of one process each or several, started in the order in which they need each other.
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../src/gateway-under-test.ts';
import { SmallDisk } from '../src/small-disk.ts';
import { type Archive, startArchives } from './archives.ts';
import { DICOM_PORT, planBalancer } from './balancer.ts';
import { ConsoleSide } from './console-side.ts';
import { documentWith } from './documents.ts';
import { ARCHIVES, NODES, SERVICE_PLACES, SERVICES } from './fault-kinds.ts';
import type { KeptProcess } from './kept-process.ts';
import { NatsNodes } from './nats-nodes.ts';
import { Network } from './network.ts';
import { PostgresPair } from './postgres-pair.ts';
import { S3Place } from './s3-place.ts';
import { HTTP_PORT, Services, type ServicesOptions, serviceOf } from './services.ts';

const OTHER_MACHINES = ['edge', 'store', 'db1', 'db2', ...ARCHIVES];
const SPOOL_MIB = 64;

export interface ClusterOptions {
  /** Where each process writes its log. */
  readonly logs: string;
  /** For data and settings; PostgreSQL's user must be able to pass through. */
  readonly data: string;
  /** Code of the services at first. */
  readonly code: string;
  readonly timing: ServicesOptions['timing'];
  readonly say: (line: string) => void;
}

export interface Cluster {
  readonly network: Network;
  readonly nats: NatsNodes;
  readonly postgres: PostgresPair;
  readonly s3: S3Place;
  readonly archives: ReadonlyMap<string, Archive>;
  readonly services: Services;
  readonly balancer: KeptProcess;
  readonly spools: ReadonlyMap<string, SmallDisk>;
  readonly console: ConsoleSide;
  /** Where modalities call. */
  readonly dicom: { readonly host: string; readonly port: number };
  /** The code of this checkout, to which an upgrade goes. */
  readonly newCode: string;
  /** The gateway document, changed in one way, or the usual one. */
  document(change?: string): object;
  /** Of any name of fault-kinds.ts. */
  process(name: string): KeptProcess;
  stop(): Promise<void>;
}

export async function startCluster({ logs, data, code, timing, say }: ClusterOptions): Promise<Cluster> {
  const places = { folder: data, logs };
  const network = await Network.create([...NODES, ...OTHER_MACHINES]);
  say('machines are there; starting the stores');
  const machines = NODES.map((name) => network.machine(name));
  const [nats, postgres, s3, archives] = await Promise.all([
    NatsNodes.start(machines, { ...places, say }),
    PostgresPair.start([network.machine('db1'), network.machine('db2')], places),
    S3Place.start(network.machine('store'), logs),
    startArchives(network, places),
  ]);
  const spools = new Map(NODES.map((name) => [name as string, new SmallDisk(SPOOL_MIB)]));
  const urls = Object.fromEntries([...archives].map(([name, { url }]) => [name, url]));
  const document = (change?: string) => documentWith(urls, change);
  const password = randomBytes(12).toString('hex');
  writeFileSync(join(data, 'gateway.json'), JSON.stringify(document()));
  writeFileSync(join(data, 'first-password'), password);
  const environment = { ...nats.environment, ...s3.environment(), CAUSEWAY_DATABASE_URL: postgres.url };
  const spoolFolders = Object.fromEntries([...spools].map(([name, disk]) => [name, disk.folder]));
  const services = new Services({ network, ...places, environment, spools: spoolFolders, timing, code });
  say('stores answer; starting the services');
  await services.start();
  const receivers = SERVICES.filter((name) => serviceOf(name) === 'receiver');
  const balanced = receivers.map((name) => ({ address: network.machine(SERVICE_PLACES[name]!).address, opsPort: services.opsPort(name) }));
  const balancer = planBalancer(network.machine('edge'), balanced, places);
  balancer.start();
  const consoles = SERVICES.filter((name) => serviceOf(name) === 'console');
  const pages = consoles.map((name) => `http://${network.machine(SERVICE_PLACES[name]!).address}:${HTTP_PORT}`);
  const cluster = { network, nats, postgres, s3, archives, services, balancer, spools, document };
  return {
    ...cluster,
    console: new ConsoleSide(pages, password),
    dicom: { host: network.machine('edge').address, port: DICOM_PORT },
    newCode: ROOT,
    process: (name) => processNamed(cluster, name),
    stop: () => stopAll(cluster),
  };
}

type Parts = Pick<Cluster, 'network' | 'nats' | 'postgres' | 's3' | 'archives' | 'services' | 'balancer' | 'spools'>;

function processNamed({ nats, archives, services, balancer, postgres }: Parts, name: string): KeptProcess {
  if (name === 'balancer') return balancer;
  if (name === 'postgres') return postgres.primary;
  return services.all.get(name) ?? archives.get(name)?.process ?? nats.node(name).process;
}

/** Everything is of this run alone: nothing has to end in order. */
async function stopAll({ network, nats, postgres, s3, archives, services, balancer, spools }: Parts): Promise<void> {
  const kept = [
    ...services.all.values(),
    balancer,
    ...[...archives.values()].map(({ process }) => process),
    ...nats.nodes.map(({ process }) => process),
  ];
  await Promise.all(kept.map((process) => process.stop()));
  await Promise.all([postgres.stop(), s3.stop()]);
  for (const disk of spools.values()) disk.remove();
  network.close();
}
