// The services of the cluster: three receivers and two of each other, on the machines of fault-kinds.ts; each can be moved to another version of the code and has a clock of its own.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS } from '../../deploy/standalone/src/node-runtime.ts';
import { until } from '../src/wait-for-fact.ts';
import { DICOM_PORT } from './balancer.ts';
import { SERVICE_PLACES, SERVICES } from './fault-kinds.ts';
import { KeptProcess } from './kept-process.ts';
import type { Machine, Network } from './network.ts';

export const HTTP_PORT = 8080;
const FIRST_OPS_PORT = 9464;

export interface ServicesOptions {
  readonly network: Network;
  readonly folder: string;
  readonly logs: string;
  /** Of JetStream, object store, database; for all of them. */
  readonly environment: NodeJS.ProcessEnv;
  /** Where large objects wait, by machine. */
  readonly spools: Readonly<Record<string, string>>;
  /** `drainMs`: an end finishes what is open for so long; a study of a slow modality may take longer, and is sent again. */
  readonly timing: { readonly graceMs: number; readonly upkeepMs: number; readonly drainMs: number };
  /** Where the code lies that they run at first. */
  readonly code: string;
}

export class Services {
  readonly all: ReadonlyMap<string, KeptProcess>;
  readonly #options: ServicesOptions;
  readonly #code = new Map<string, string>();

  constructor(options: ServicesOptions) {
    this.#options = options;
    const { folder, logs } = options;
    this.all = new Map(
      SERVICES.map((name) => [
        name,
        new KeptProcess({ name, command: () => this.#command(name), environment: () => this.#environment(name), folder, logs }),
      ]),
    );
  }

  get(name: string): KeptProcess {
    return this.all.get(name)!;
  }

  /** Resolves when every one of them is ready. */
  async start(): Promise<void> {
    for (const process of this.all.values()) process.start();
    await this.untilReady();
  }

  async untilReady(names: Iterable<string> = this.all.keys(), withinMs = 180_000): Promise<void> {
    for (const name of names) await until(`${name} is ready`, () => this.isReady(name), withinMs);
  }

  async isReady(name: string): Promise<boolean> {
    return (await fetch(`${this.opsUrl(name)}/health/ready`, { signal: AbortSignal.timeout(5_000) })).ok;
  }

  opsUrl(name: string): string {
    return `http://${this.#machine(name).address}:${this.opsPort(name)}`;
  }

  opsPort(name: string): number {
    return FIRST_OPS_PORT + SERVICES.indexOf(name);
  }

  /** The code of its next start. */
  moveTo(name: string, code: string): void {
    this.#code.set(name, code);
  }

  /** From now on its clock is so far ahead. */
  setClock(name: string, aheadMs: number): void {
    if (aheadMs === 0) rmSync(this.#clock(name), { force: true });
    else writeFileSync(this.#clock(name), String(aheadMs));
  }

  #machine(name: string): Machine {
    return this.#options.network.machine(SERVICE_PLACES[name]!);
  }

  #clock(name: string): string {
    return join(this.#options.folder, `${name}.clock`);
  }

  #command(name: string): string[] {
    const code = this.#code.get(name) ?? this.#options.code;
    const main = join(code, 'services', serviceOf(name), 'src', 'main.ts');
    const shifted = ['--import', join(import.meta.dirname, 'clock-shift.ts')];
    return [...this.#machine(name).on, process.execPath, ...NODE_FLAGS, ...shifted, main];
  }

  #environment(name: string): NodeJS.ProcessEnv {
    const { environment, timing, spools, folder } = this.#options;
    const { address, name: machine } = this.#machine(name);
    const code = this.#code.get(name) ?? this.#options.code;
    return {
      ...process.env,
      ...environment,
      NODE_COMPILE_CACHE: join(code, '.cache', 'compiled'),
      MALLOC_ARENA_MAX: '1',
      CHAOS_CLOCK: this.#clock(name),
      CAUSEWAY_DRAIN_MS: String(timing.drainMs),
      CAUSEWAY_OPS_HOST: address,
      CAUSEWAY_OPS_PORT: String(this.opsPort(name)),
      CAUSEWAY_S3_SPOOL: spools[machine],
      CAUSEWAY_DICOM_HOST: address,
      CAUSEWAY_DICOM_PORT: String(DICOM_PORT),
      CAUSEWAY_GRACE_MS: String(timing.graceMs),
      CAUSEWAY_UPKEEP_MS: String(timing.upkeepMs),
      CAUSEWAY_HTTP_HOST: address,
      CAUSEWAY_HTTP_PORT: String(HTTP_PORT),
      CAUSEWAY_SERVICES: JSON.stringify(
        Object.fromEntries(SERVICES.filter((one) => serviceOf(one) !== 'console').map((one) => [one, this.opsUrl(one)])),
      ),
      CAUSEWAY_CONFIG: join(folder, 'gateway.json'),
      CAUSEWAY_FIRST_PASSWORD_FILE: join(folder, 'first-password'),
    };
  }
}

export const serviceOf = (name: string): string => name.replace(/-\d+$/, '');
