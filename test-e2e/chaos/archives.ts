// The two archives that the cluster sends to: sandbox archives, each on a machine of its own, with faults on order and a journal of everything that came.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ROOT } from '../src/gateway-under-test.ts';
import { until } from '../src/wait-for-fact.ts';
import { ARCHIVES } from './fault-kinds.ts';
import { KeptProcess } from './kept-process.ts';
import type { Machine, Network } from './network.ts';

const PORT = 8043;
const ORDER_WITHIN_MS = 20_000;

/** Variants of the fault `archive-errors`, as the sandbox archive takes them. */
const ORDERS: Readonly<Record<string, object>> = {
  unavailable: { mode: 'status', status: 503, retryAfter: 1 },
  internal: { mode: 'status', status: 500 },
  /** In the middle of a request: nothing of it is stored. */
  cut: { mode: 'cut', afterBytes: 20_000 },
  /** Everything is stored, and the connection is reset before the answer. */
  'cut-late': { mode: 'cut' },
  slow: { mode: 'slow', bytesPerSecond: 200_000 },
  hang: { mode: 'hang' },
};

export class Archive {
  readonly name: string;
  readonly process: KeptProcess;
  /** Of its DICOMweb service. */
  readonly url: string;
  /** Its journal, a line an arrival. */
  readonly journal: string;
  readonly #faults: string;

  constructor(name: string, machine: Machine, places: { folder: string; logs: string }) {
    this.name = name;
    const folder = join(places.folder, name);
    mkdirSync(folder);
    this.journal = join(folder, 'arrivals.ndjson');
    const origin = `http://${machine.address}:${PORT}`;
    this.url = `${origin}/dicom-web`;
    this.#faults = `${origin}/sandbox/faults`;
    const environment = {
      CAUSEWAY_SANDBOX_DIR: folder,
      CAUSEWAY_SANDBOX_HOST: machine.address,
      CAUSEWAY_SANDBOX_PORT: String(PORT),
      CAUSEWAY_SANDBOX_FAULTS: '1',
    };
    const main = join(ROOT, 'deploy', 'standalone', 'src', 'sandbox', 'main.ts');
    const command = () => [...machine.on, process.execPath, main];
    this.process = new KeptProcess({ name, command, environment: () => ({ ...process.env, ...environment }), ...places });
  }

  async start(): Promise<void> {
    this.process.start();
    await until(`${this.name} answers`, async () => (await fetch(`${this.url}/studies?limit=1`)).status < 500);
  }

  /** Every store request meets it, for so long; a restart ends it early. */
  async misbehave(variant: string, forMs: number): Promise<void> {
    await this.#order({ method: 'PUT', body: JSON.stringify(ORDERS[variant]) });
    await pause(forMs);
    await this.#order({ method: 'DELETE' });
  }

  /** It may be away, or frozen, because of another fault. */
  async #order(request: RequestInit): Promise<void> {
    const told = async () => (await fetch(this.#faults, { ...request, signal: AbortSignal.timeout(3_000) })).ok;
    await until(`${this.name} takes an order`, told, ORDER_WITHIN_MS);
  }
}

export async function startArchives(network: Network, places: { folder: string; logs: string }): Promise<ReadonlyMap<string, Archive>> {
  const archives = ARCHIVES.map((name) => new Archive(name, network.machine(name), places));
  await Promise.all(archives.map((archive) => archive.start()));
  return new Map(archives.map((archive) => [archive.name, archive]));
}
