// A whole gateway for a test: the real supervisor with all services, in a folder of its own, on free ports.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export const ROOT = resolve(import.meta.dirname, '..', '..');

export interface GatewayOptions {
  /** The gateway document: an object, or YAML text. Without: the default document (one facility, the sandbox archive). */
  readonly config?: object | string | undefined;
  /** Further environment of the supervisor. */
  readonly env?: NodeJS.ProcessEnv;
  /** Keep the data here (a gateway of an earlier test, a small file system); not removed by stop. */
  readonly dataFolder?: string | undefined;
}

export interface GatewayPorts {
  readonly dicom: number;
  readonly http: number;
  readonly sandbox: number;
}

export interface GatewayUnderTest {
  readonly dataFolder: string;
  /** Known once ready; the same after a restart. */
  readonly ports: GatewayPorts;
  readonly pageUrl: string;
  /** Of the archive's DICOMweb service. */
  readonly sandboxUrl: string;
  /** What the supervisor wrote to its terminal. */
  output(): string;
  /** Password of the user `admin` while it is the first one. */
  firstPassword(): string;
  /** Process ids by name: the seven services, sandbox, postgres, nats-server. */
  pids(): Map<string, number>;
  supervisorPid(): number;
  /** SIGKILL to a service or server; resolves when it is gone (the supervisor will start it again). */
  killService(name: string): Promise<void>;
  /** SIGKILL to the supervisor alone: its children go on as orphans. */
  killSupervisor(): Promise<void>;
  /** SIGKILL to the supervisor and everything it started, as a power cut would. */
  killAll(): Promise<void>;
  /** Starts the supervisor (after a stop or a kill) and waits until ready. Other options hold from then on. */
  start(options?: Pick<GatewayOptions, 'config' | 'env'>): Promise<void>;
  untilReady(): Promise<void>;
  /** Ctrl-C; resolves with the exit code when everything has ended. */
  interrupt(): Promise<number | null>;
  /** Ctrl-C, then removes the folder. For `after`. */
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 50;

/** Resolves when the gateway is ready. Rejects with the supervisor's output when it ends instead. */
export async function startGateway(options: GatewayOptions = {}): Promise<GatewayUnderTest> {
  const gateway = new RunningGateway(options);
  try {
    await gateway.start();
  } catch (error) {
    await gateway.stop();
    throw error;
  }
  return gateway;
}

class RunningGateway implements GatewayUnderTest {
  readonly dataFolder: string;
  readonly #scratch: string;
  #options: GatewayOptions;
  #supervisor: ChildProcess | undefined;
  #output = '';
  /** Where in the output the present supervisor begins. */
  #startedAt = 0;

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#scratch = mkdtempSync(join(tmpdir(), 'causeway-e2e-'));
    // Postgres runs as another user when the tests run as root, and must pass through.
    chmodSync(this.#scratch, 0o711);
    this.dataFolder = options.dataFolder ?? join(this.#scratch, 'data');
    mkdirSync(this.dataFolder, { recursive: true });
    process.on('exit', () => this.#supervisor?.kill('SIGTERM'));
  }

  get ports(): GatewayPorts {
    const chosen = JSON.parse(readFileSync(join(this.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
    const env = this.#options.env ?? {};
    const port = (variable: string, name: string): number => Number(env[variable] ?? 0) || chosen[name]!;
    return {
      dicom: port('CAUSEWAY_DICOM_PORT', 'dicomPort'),
      http: port('CAUSEWAY_HTTP_PORT', 'httpPort'),
      sandbox: port('CAUSEWAY_SANDBOX_PORT', 'sandboxPort'),
    };
  }

  get pageUrl(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get sandboxUrl(): string {
    return `http://127.0.0.1:${this.ports.sandbox}/dicom-web`;
  }

  output(): string {
    return this.#output;
  }

  firstPassword(): string {
    return readFileSync(join(this.dataFolder, 'secrets', 'first-password'), 'utf8').trim();
  }

  pids(): Map<string, number> {
    const run = join(this.dataFolder, 'run');
    const files = readdirSync(run).filter((name) => name.endsWith('.pid.json'));
    return new Map(files.map((name) => [name.slice(0, -'.pid.json'.length), pidIn(join(run, name))]));
  }

  supervisorPid(): number {
    return this.#supervisor!.pid!;
  }

  async killService(name: string): Promise<void> {
    const pid = this.pids().get(name);
    if (pid === undefined) throw new Error(`${name} does not run`);
    kill(pid);
    await untilGone(pid);
  }

  async killSupervisor(): Promise<void> {
    this.#supervisor!.kill('SIGKILL');
    await this.#supervisorEnd();
  }

  async killAll(): Promise<void> {
    const pids = [...this.pids().values()];
    await this.killSupervisor();
    for (const pid of [...pids, ...this.pids().values()]) kill(pid);
    await Promise.all(pids.map(untilGone));
  }

  async start(options: Pick<GatewayOptions, 'config' | 'env'> = {}): Promise<void> {
    if (this.#supervisor?.stdout?.closed === false) throw new Error('this gateway runs: interrupt or kill it first');
    this.#options = { ...this.#options, ...options };
    const child = spawn(process.execPath, [join(ROOT, 'deploy', 'standalone', 'src', 'main.ts')], {
      cwd: ROOT,
      env: this.#environment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#supervisor = child;
    this.#startedAt = this.#output.length;
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (this.#output += data.toString()));
    await this.untilReady();
  }

  async untilReady(): Promise<void> {
    while (!(await this.#isReady())) {
      const child = this.#supervisor!;
      if (child.exitCode !== null || child.signalCode !== null) {
        await this.#supervisorEnd();
        throw new Error(`the supervisor ended (${child.exitCode ?? child.signalCode}):\n${this.#output}`);
      }
      await pause();
    }
  }

  async interrupt(): Promise<number | null> {
    this.#supervisor?.kill('SIGINT');
    return this.#supervisorEnd();
  }

  async stop(): Promise<void> {
    await this.interrupt();
    rmSync(this.#scratch, { recursive: true, force: true });
  }

  /** Its own words as well as the page: the page alone may be that of another supervisor on the same folder. */
  async #isReady(): Promise<boolean> {
    if (!this.#output.slice(this.#startedAt).includes('Causeway is ready')) return false;
    try {
      return (await fetch(`${this.pageUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) })).ok;
    } catch {
      return false;
    }
  }

  /** Exit code, once its output was read to the end. */
  async #supervisorEnd(): Promise<number | null> {
    const child = this.#supervisor;
    if (child === undefined) return null;
    if (child.stdout?.closed === false) await once(child, 'close');
    return child.exitCode;
  }

  #environment(): NodeJS.ProcessEnv {
    const config = this.#options.config;
    const file = join(this.#scratch, 'gateway.yaml');
    if (config !== undefined) writeFileSync(file, typeof config === 'string' ? config : JSON.stringify(config));
    return {
      ...process.env,
      CAUSEWAY_DATA: this.dataFolder,
      CAUSEWAY_CONFIG: config === undefined ? undefined : file,
      CAUSEWAY_DICOM_HOST: '127.0.0.1',
      CAUSEWAY_DICOM_PORT: '0',
      CAUSEWAY_HTTP_PORT: '0',
      CAUSEWAY_SANDBOX_PORT: '0',
      CAUSEWAY_DRAIN_MS: '5000',
      ...this.#options.env,
    };
  }
}

const pidIn = (path: string): number => (JSON.parse(readFileSync(path, 'utf8')) as { pid: number }).pid;

const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended by itself.
  }
}

/** A killed child of ours stays as a zombie until it is waited for: that counts as gone. */
export async function untilGone(pid: number): Promise<void> {
  while (isAlive(pid)) await pause();
}

export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2)[0] !== 'Z';
  } catch {
    return false;
  }
}
