// Three real nats-servers in one JetStream cluster on the loopback, for tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { freePort, natsServerProgram } from './nats-server-for-tests.ts';

export interface NatsCluster {
  /** All addresses, joined by commas. */
  readonly url: string;
  readonly servers: readonly ClusterServer[];
  /** The server that leads the stream now; undefined: none. */
  leaderOf(stream: string): Promise<ClusterServer | undefined>;
  /** True when every copy of the stream is up to date. */
  isWhole(stream: string): Promise<boolean>;
  stop(): Promise<void>;
}

interface StreamPlace {
  readonly leader?: string;
  readonly replicas?: readonly { readonly current?: boolean; readonly offline?: boolean }[];
}

export class ClusterServer {
  readonly name: string;
  readonly #configuration: string;
  #child: ChildProcess | undefined;

  constructor(name: string, configuration: string) {
    this.name = name;
    this.#configuration = configuration;
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  start(): void {
    this.#child = spawn(natsServerProgram(), ['-c', this.#configuration], { stdio: 'ignore' });
  }

  /** SIGKILL. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }
}

/** Resolves when the servers run; a stream may be made some seconds later, once they have found each other. */
export async function startNatsCluster(): Promise<NatsCluster> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-nats-cluster-'));
  const ports = await Promise.all([1, 2, 3].map(async (n) => ({ name: `n${n}`, client: await freePort(), cluster: await freePort() })));
  const routes = ports.map(({ cluster }) => `nats://127.0.0.1:${cluster}`);
  const servers = await Promise.all(
    ports.map(async ({ name, client, cluster }) => {
      const file = join(folder, `${name}.conf`);
      await writeFile(
        file,
        `server_name: ${name}\nlisten: "127.0.0.1:${client}"\njetstream { store_dir: "${join(folder, name)}" }\n` +
          `cluster { name: test, listen: "127.0.0.1:${cluster}", routes: ${JSON.stringify(routes)} }\n`,
      );
      return new ClusterServer(name, file);
    }),
  );
  for (const server of servers) server.start();
  const url = ports.map(({ client }) => `nats://127.0.0.1:${client}`).join(',');
  return {
    url,
    servers,
    leaderOf: async (stream) => {
      const leader = (await placeOf(url, stream))?.leader;
      return servers.find(({ name }) => name === leader);
    },
    isWhole: async (stream) => {
      const place = await placeOf(url, stream);
      return (
        place?.leader !== undefined && place.replicas?.length === 2 && place.replicas.every(({ current, offline }) => current && !offline)
      );
    },
    stop: async () => {
      await Promise.all(servers.map((server) => server.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** undefined: nobody could tell. */
async function placeOf(url: string, stream: string): Promise<StreamPlace | undefined> {
  const nats = await connect({ servers: url.split(','), timeout: 2_000 });
  try {
    const manager = await jetstreamManager(nats, { checkAPI: false, timeout: 2_000 });
    return (await manager.streams.info(stream)).cluster;
  } catch {
    return undefined;
  } finally {
    await nats.close();
  }
}
