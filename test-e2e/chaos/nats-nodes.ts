// Three nats-servers of one JetStream cluster, one a machine, each with its data on a small disk of its own that can fill up or become slow.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { Ballast } from '../src/ballast.ts';
import { ROOT } from '../src/gateway-under-test.ts';
import { LoopDisk } from '../src/loop-disk.ts';
import { until } from '../src/wait-for-fact.ts';
import { KeptProcess } from './kept-process.ts';
import type { Machine } from './network.ts';

/** 2.10 or newer, from the set-up [.tools/bin/nats-server-cluster]. */
const PROGRAM = process.env.CAUSEWAY_NATS_SERVER ?? join(ROOT, '.tools', 'bin', 'nats-server-cluster');

/** All streams together; a disk is larger, and is full only when it is filled. */
export const STREAM_BYTES = 160 * 1024 ** 2;
const DISK_MIB = 400;
const CLIENT_PORT = 4222;
const USER = 'causeway';
const PASSWORD = 'of-a-test';
/** So little that not one more block of a stream has room. */
const NEXT_TO_NOTHING = 16 * 1024;
/** After a first start: 2 to 4 s are usual. */
const MEETS_WITHIN_MS = 20_000;
/** It has found the others by then. */
const SETTLED_AFTER_MS = 5_000;
/** Entries; a stream that rests may say for minutes that a copy lacks the last one (2.9). */
const FAR_BEHIND = 50;
/** A slow disk takes nothing for the first of these, and works for the second, ms. */
const HANGS_MS = 400;
const WORKS_MS = 100;

export class NatsNode {
  readonly process: KeptProcess;
  readonly #disk: LoopDisk;
  readonly #ballast: Ballast;

  constructor(process: KeptProcess, disk: LoopDisk) {
    this.process = process;
    this.#disk = disk;
    this.#ballast = new Ballast(disk.folder);
  }

  /** No room for so long; then there is, and the server is started again, which 2.9 needs before it takes anything. */
  async fillDisk(forMs: number): Promise<void> {
    this.#ballast.fillUpTo(NEXT_TO_NOTHING);
    await pause(forMs);
    this.#ballast.empty();
    await this.process.terminate();
  }

  async slowDisk(forMs: number): Promise<void> {
    for (const end = performance.now() + forMs; performance.now() < end; ) {
      this.#disk.freeze();
      await pause(HANGS_MS);
      this.#disk.thaw();
      await pause(WORKS_MS);
    }
  }
}

interface Places {
  readonly folder: string;
  readonly logs: string;
  readonly say: (line: string) => void;
}

export class NatsNodes {
  /** As the program says it, for example v2.10.27. */
  readonly version = versionOf(PROGRAM);
  readonly nodes: readonly NatsNode[];
  readonly environment: NodeJS.ProcessEnv;
  readonly #servers: readonly string[];

  private constructor(nodes: readonly NatsNode[], machines: readonly Machine[]) {
    this.nodes = nodes;
    this.#servers = machines.map(({ address }) => `nats://${address}:${CLIENT_PORT}`);
    this.environment = {
      CAUSEWAY_NATS_URL: this.#servers.join(','),
      CAUSEWAY_NATS_USER: USER,
      CAUSEWAY_NATS_PASSWORD: PASSWORD,
      CAUSEWAY_STREAM_REPLICAS: String(machines.length),
      CAUSEWAY_STREAM_BYTES: String(STREAM_BYTES),
    };
  }

  /** Resolves when a stream of three copies can be placed. */
  static async start(machines: readonly Machine[], places: Places): Promise<NatsNodes> {
    const routes = machines.map(({ address }) => `nats://${address}:6222`);
    const nodes = machines.map((machine, at) => {
      const name = `nats-${at + 1}`;
      const disk = new LoopDisk(DISK_MIB);
      const file = join(places.folder, `${name}.conf`);
      writeFileSync(file, configuration({ name, machine, routes, store: join(disk.folder, 'jetstream') }));
      const command = () => [...machine.on, PROGRAM, '-c', file];
      return new NatsNode(new KeptProcess({ name, command, environment: () => process.env, ...places }), disk);
    });
    for (const { process } of nodes) process.start();
    const started = new NatsNodes(nodes, machines);
    await started.#untilPlacing(places.say);
    return started;
  }

  node(name: string): NatsNode {
    return this.nodes.find(({ process }) => process.name === name)!;
  }

  /** undefined: there is none now. */
  async leaderOf(stream: string): Promise<NatsNode | undefined> {
    const leader = await this.#ask(async (manager) => (await manager.streams.info(stream)).cluster?.leader);
    return leader === undefined ? undefined : this.node(leader);
  }

  /** Messages in a stream; undefined: nobody could tell. */
  messagesIn(stream: string): Promise<number | undefined> {
    return this.#ask(async (manager) => (await manager.streams.info(stream)).state.messages);
  }

  /** Of streams, their subjects, and consumers; none when nobody could tell for a minute. */
  names(): Promise<string[]> {
    const told = until('JetStream tells its names', () => this.#ask(allNames));
    return told.catch(() => []);
  }

  /** Every stream has a leader, and no copy is away or far behind. One that cannot be asked is left out of the list of streams, not out of their names. */
  async isWhole(): Promise<boolean> {
    const whole = await this.#ask(async (manager) => {
      const names = await Array.fromAsync(manager.streams.names());
      const streams = await Array.fromAsync(manager.streams.list());
      const isCurrent = ({ cluster }: (typeof streams)[number]): boolean =>
        cluster?.leader !== undefined &&
        (cluster.replicas ?? []).every(({ current, offline, lag = 0 }) => !offline && (current || lag < FAR_BEHIND));
      return names.length > 0 && streams.length === names.length && streams.every(isCurrent);
    });
    return whole === true;
  }

  /** What an operator does about streams that stay without a leader, which nats-server 2.9 was seen to leave behind: first one after the other, then all at once. */
  async restart(how: 'in turn' | 'together'): Promise<void> {
    if (how === 'together') await Promise.all(this.nodes.map(({ process }) => process.terminate()));
    else
      for (const { process } of this.nodes) {
        await process.terminate();
        await until(`${process.name} answers`, () => process.runsForMs > SETTLED_AFTER_MS);
      }
  }

  /**
   * Three new servers of 2.10 were seen to leave one of them out of JetStream for good (10 of 360 starts; 2.15: 0 of 30). Does then
   * what the runbook tells an operator to do.
   */
  async #untilPlacing(say: Places['say']): Promise<void> {
    const places = () => this.#placesStreams();
    try {
      await until('JetStream places a stream on every server', places, MEETS_WITHIN_MS);
    } catch {
      say('JetStream places no stream on three servers: restarting them in turn');
      await this.restart('in turn');
      await until('JetStream places a stream on every server', places);
    }
  }

  async #placesStreams(): Promise<boolean> {
    const trial = { name: 'TRIAL', subjects: ['trial'], num_replicas: this.nodes.length };
    const placed = await this.#ask(async (manager) => {
      await manager.streams.add(trial);
      return manager.streams.delete(trial.name);
    });
    return placed === true;
  }

  async #ask<T>(question: (manager: JetStreamManager) => Promise<T>): Promise<T | undefined> {
    let nats: NatsConnection | undefined;
    try {
      nats = await connect({ servers: [...this.#servers], user: USER, pass: PASSWORD, timeout: 2_000, reconnect: false });
      return await question(await jetstreamManager(nats, { checkAPI: false, timeout: 2_000 }));
    } catch {
      return undefined;
    } finally {
      await nats?.close().catch(() => {});
    }
  }
}

async function allNames(manager: JetStreamManager): Promise<string[]> {
  const all: string[] = [];
  for await (const stream of manager.streams.names()) {
    const { state } = await manager.streams.info(stream, { subjects_filter: '>' });
    all.push(stream, ...Object.keys(state.subjects ?? {}));
    for await (const { name, config } of manager.consumers.list(stream)) all.push(name, String(config.filter_subject));
  }
  return all;
}

const versionOf = (program: string): string =>
  execFileSync(program, ['--version'], { encoding: 'utf8' }).replace('nats-server:', '').trim();

interface NodePlace {
  readonly name: string;
  readonly machine: Machine;
  readonly routes: readonly string[];
  readonly store: string;
}

const configuration = ({ name, machine: { address }, routes, store }: NodePlace): string => `server_name: ${name}
listen: "${address}:${CLIENT_PORT}"
authorization { user: ${USER}, password: "${PASSWORD}", timeout: 5 }
write_deadline: "10s"
ping_interval: "5s"
lame_duck_duration: "30s"
lame_duck_grace_period: "2s"
jetstream { store_dir: ${JSON.stringify(store)}, max_file_store: ${STREAM_BYTES + 100 * 1024 ** 2}, max_memory_store: ${16 * 1024 ** 2} }
cluster { name: chaos, listen: "${address}:6222", routes: ${JSON.stringify(routes)} }
`;
