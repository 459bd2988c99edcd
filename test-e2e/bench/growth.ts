// Part i: what more replicas do on the same machine. The whole gateway with 1, 2 and 4 processes of each service: instances a second, and processor time of each service for an instance.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { until } from '../src/wait-for-fact.ts';
import { median } from './bench-processes.ts';
import { type SinkAddress, startArchiveSink, untilArrivedAt } from './discarding-sinks.ts';
import { documentFor } from './end-to-end.ts';
import { type BenchFile, makeFiles } from './make-files.ts';
import { machineTimes, processorMsOf } from './process-costs.ts';
import { type ReplicatedGateway, type ReplicatedOptions, SERVICES, type Service, startReplicatedGateway } from './replicated-gateway.ts';
import { sendByStorescu } from './send-files.ts';

export interface GrowthPlan {
  readonly folder: string;
  readonly replicas: readonly number[];
  /** For each measurement. */
  readonly instances: number;
  readonly rounds: number;
}

/** Processor ms by service, `nats-server` and `PostgreSQL`. */
export type Costs = Readonly<Record<string, number>>;

export interface GrowthRow {
  /** Of each service. */
  readonly replicas: number;
  /** Medians over the rounds: instances a second until the archive has all. */
  readonly rate: number;
  /** Of an instance, beyond what the processes use at rest in that time. */
  readonly perInstance: Costs;
  /** At rest, a second. */
  readonly atRest: Costs;
  /** How much of the machine was at work while instances came, with sender and archive; 0 to 1. */
  readonly busy: number;
}

export const sumOf = (costs: Costs): number => Object.values(costs).reduce((sum, cost) => sum + cost, 0);

const ASSOCIATIONS = 8;
const REST_MS = 10_000;
/** Whatever the warm-up left to do. */
const COMES_TO_REST_MS = 5_000;

/** All of them run all the time and are measured in turn, in an order that turns round. */
export async function measureGrowth(plan: GrowthPlan): Promise<GrowthRow[]> {
  const candidates: Candidate[] = [];
  try {
    for (const replicas of plan.replicas)
      candidates.push(await startCandidate({ ...plan, ...SMALL, name: `growth-${replicas}`, replicas }));
    const inTurn = [...candidates];
    for (let round = 0; round <= plan.rounds; round++) {
      const groups = await filesFor(plan, round);
      for (const candidate of inTurn) await candidate.measure(groups, round > 0);
      if (round === 0) await Promise.all(candidates.map((candidate) => candidate.rest()));
      inTurn.reverse();
      await rm(join(plan.folder, 'growth-files'), { recursive: true });
    }
    return candidates.map((candidate) => candidate.row());
  } finally {
    await Promise.all(candidates.map((candidate) => candidate.stop()));
  }
}

const SMALL = { copies: 1, objects: 'folder', compressed: false } as const;

const filesFor = ({ folder, instances }: GrowthPlan, round: number): Promise<BenchFile[][]> =>
  makeFiles(join(folder, 'growth-files'), { studies: ASSOCIATIONS, instances: instances / ASSOCIATIONS, seed: 11_000 + round });

interface Measurement {
  readonly rate: number;
  readonly busy: number;
  readonly perInstance: Costs;
}

/** A gateway and the archive that it sends to. */
export class Candidate {
  readonly gateway: ReplicatedGateway;
  readonly #archive: SinkAddress & { stop(): Promise<void> };
  readonly #database: Database;
  readonly #options: ReplicatedOptions;
  readonly #measured: Measurement[] = [];
  #atRest: Costs = {};
  #sent = 0;

  constructor(options: ReplicatedOptions, parts: { gateway: ReplicatedGateway; archive: SinkAddress & { stop(): Promise<void> } }) {
    this.#options = options;
    this.gateway = parts.gateway;
    this.#archive = parts.archive;
    this.#database = openDatabase(this.gateway.databaseUrl, { maxConnections: 1 });
  }

  async send(groups: BenchFile[][]): Promise<void> {
    this.#sent += groups.flat().length;
    await sendByStorescu(groups, { host: '127.0.0.1', port: this.gateway.dicomPort }, this.#options.folder);
  }

  /** Everything that was sent is in the archive. */
  untilArrived(): Promise<void> {
    return untilArrivedAt(this.#archive, this.#sent);
  }

  /** The ledger has every confirmation. */
  async untilAccounted(): Promise<void> {
    const confirmed = "SELECT count(*)::int AS count FROM deliveries WHERE state = 'confirmed'";
    await until(
      'the ledger has all',
      async () => (await this.#database.query<{ count: number }>(confirmed))[0]!.count >= this.#sent,
      120_000,
    );
  }

  async measure(groups: BenchFile[][], counts: boolean): Promise<void> {
    const instances = groups.flat().length;
    const [before, machine, began] = [await processorMsOf(this.gateway.pids), await machineTimes(), performance.now()];
    await this.send(groups);
    await this.untilArrived();
    const seconds = (performance.now() - began) / 1_000;
    const { busyMs, allMs } = await machineTimes();
    await this.untilAccounted();
    const after = await processorMsOf(this.gateway.pids);
    const wholeSeconds = (performance.now() - began) / 1_000;
    const perInstance = mapCosts(after, (ms, name) => (ms - before[name]! - (this.#atRest[name] ?? 0) * wholeSeconds) / instances);
    if (counts) this.#measured.push({ rate: instances / seconds, busy: (busyMs - machine.busyMs) / (allMs - machine.allMs), perInstance });
  }

  async rest(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, COMES_TO_REST_MS));
    const before = await processorMsOf(this.gateway.pids);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    this.#atRest = mapCosts(await processorMsOf(this.gateway.pids), (ms, name) => (ms - before[name]!) / (REST_MS / 1_000));
  }

  row(): GrowthRow {
    const middle = (of: (one: Measurement) => number): number => median(this.#measured.map(of));
    return {
      replicas: this.#options.replicas,
      rate: middle(({ rate }) => rate),
      busy: middle(({ busy }) => busy),
      perInstance: mapCosts(this.#atRest, (_ms, name) => middle(({ perInstance }) => perInstance[name]!)),
      atRest: this.#atRest,
    };
  }

  async stop(): Promise<void> {
    await this.#database.close();
    await this.gateway.stop();
    await this.#archive.stop();
  }
}

/** `services`: that are started now [all]. */
export async function startCandidate(
  options: Omit<ReplicatedOptions, 'config'> & { compressed: boolean; services?: readonly Service[] },
): Promise<Candidate> {
  const address = { host: '127.0.0.1', port: await freePort() };
  const archive = { ...address, ...(await startArchiveSink(address, [])) };
  const config = documentFor(`http://127.0.0.1:${address.port}/dicom-web`, options.compressed);
  const gateway = await startReplicatedGateway({ ...options, config });
  for (const service of options.services ?? SERVICES) await gateway.start(service);
  return new Candidate({ ...options, config }, { gateway, archive });
}

const mapCosts = (costs: Costs, change: (ms: number, name: string) => number): Costs =>
  Object.fromEntries(Object.entries(costs).map(([name, ms]) => [name, change(ms, name)]));
