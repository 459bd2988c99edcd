// A composition of deploy/compose on a machine of its own, as its administrator runs it: its folder, secrets, .env and ports, and docker-compose.
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { until } from '../src/wait-for-fact.ts';
import { FOREIGN_IMAGES, imageFor } from './foreign-images.ts';
import { networkPrefix } from './leftovers.ts';

const DEPLOY = resolve(import.meta.dirname, '..', '..', 'deploy');
const RUN = process.env.CAUSEWAY_TEST_RUN ?? String(process.pid);
/** Until all containers are up, on two cores. */
const UP_WITHIN_MS = 180_000;
const run = promisify(execFile);

interface Ports {
  readonly dicom: number;
  readonly https: number;
  readonly sandbox: number;
}

export class Composition {
  /** Holds docker-compose.yml; the scripts lie above it. */
  readonly folder: string;
  readonly ports: Ports;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(machine: string, kind: string, { name, ports }: { name: string; ports: Ports }) {
    this.folder = join(machine, 'compose', kind);
    this.ports = ports;
    const images = FOREIGN_IMAGES.flatMap((image) =>
      image.inCompositions ? [[image.inCompositions, imageFor(image.name, process.env)]] : [],
    );
    this.#environment = {
      ...process.env,
      ...Object.fromEntries(images),
      COMPOSE: 'docker-compose',
      COMPOSE_PROJECT_NAME: `${networkPrefix(RUN)}${name}`,
    };
  }

  /** A machine that nothing was ever run on. `name`: of the machine, other than that of any before. `ports`: those that another one has published. */
  static async on(name: string, kind: 'single', ports?: Ports): Promise<Composition> {
    const machine = await mkdtemp(join(tmpdir(), 'causeway-machine-'));
    // Not the secrets and settings of somebody who runs it here.
    await cp(join(DEPLOY, 'compose'), join(machine, 'compose'), { recursive: true, filter: (path) => !/\/(secrets|\.env)$/.test(path) });
    const composition = new Composition(machine, kind, { name, ports: ports ?? (await freePorts()) });
    await composition.#writeSettings();
    return composition;
  }

  async #writeSettings(): Promise<void> {
    const { dicom, https, sandbox } = this.ports;
    const settings = [
      'COMPOSE_PROFILES=trial',
      'OTEL_EXPORTER_OTLP_ENDPOINT=',
      `CAUSEWAY_IMAGE=${process.env.CAUSEWAY_IMAGE}`,
      `CAUSEWAY_DICOM_PORT=${dicom}`,
      `CAUSEWAY_DICOM_TLS_PORT=${await freePort()}`,
      `CAUSEWAY_HTTPS_PORT=${https}`,
    ];
    await writeFile(join(this.folder, '.env'), settings.join('\n'));
    const services = {
      // Asked what it has.
      sandbox: { ports: [`127.0.0.1:${sandbox}:8043`] },
      // What nobody has in hand is set in motion sooner than after a quarter of an hour.
      ledger: { environment: { CAUSEWAY_GRACE_MS: '20000', CAUSEWAY_UPKEEP_MS: '2000' } },
    };
    await writeFile(join(this.folder, 'docker-compose.override.yml'), JSON.stringify({ services }));
  }

  get pageUrl(): string {
    return `https://127.0.0.1:${this.ports.https}`;
  }

  get sandboxUrl(): string {
    return `http://127.0.0.1:${this.ports.sandbox}/dicom-web`;
  }

  secret(name: string): Promise<string> {
    return readFile(join(this.folder, 'secrets', name), 'utf8');
  }

  compose(...words: string[]): Promise<string> {
    return this.#run('docker-compose', words);
  }

  /** One of the scripts beside the compositions; rejects with what it complained of. */
  script(name: 'make-secrets.sh' | 'backup.sh' | 'restore.sh', ...words: string[]): Promise<string> {
    return this.#run(join('..', name), words);
  }

  /** As the page says: every service can do its work. */
  untilReady(): Promise<boolean> {
    return until('the composition is ready', async () => (await fetch(`${this.pageUrl}/health/ready`)).ok, UP_WITHIN_MS);
  }

  /** Takes its containers and all its data away. */
  async destroy(): Promise<void> {
    await this.compose('down', '--volumes', '--timeout', '1');
    await rm(resolve(this.folder, '..', '..'), { recursive: true, force: true });
  }

  async #run(program: string, words: string[]): Promise<string> {
    const { stdout } = await run(program, words, { cwd: this.folder, env: this.#environment, maxBuffer: 64 * 1024 ** 2 });
    return stdout;
  }
}

const freePorts = async (): Promise<Ports> => ({ dicom: await freePort(), https: await freePort(), sandbox: await freePort() });
