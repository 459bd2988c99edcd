// A real S3 server for tests: Ceph's object gateway (radosgw) with one monitor and one disk server, on free ports and in a folder of its own.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type CephPlace, cephConfiguration } from './ceph-configuration-for-tests.ts';

export interface S3Server {
  readonly endpoint: string;
  readonly port: number;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Of this server's processes, by their names: mon, osd, rgw. */
  pids(): Map<string, number>;
  /** What a service, or a whole gateway (`startGateway({ env })`), needs to keep its objects in this bucket here. */
  environment(bucket: string): NodeJS.ProcessEnv;
  /** SIGKILL to all three processes at once, as a crash of the machine would. With `disk` nothing that was answered is lost. */
  kill(): Promise<void>;
  /** SIGKILL to one of them, and starts it again at once; resolves when the server answers. */
  crash(name: 'mon' | 'osd' | 'rgw'): Promise<void>;
  /** After `kill`: resolves when it answers again. Same port, same objects. */
  start(): Promise<void>;
  /** Ends everything and removes the folder. */
  stop(): Promise<void>;
}

export interface S3ServerOptions {
  /** disk: objects survive `kill` (bluestore, each write synced; up in 8 s). memory: they do not, and it is up in 3 s. */
  readonly keeps: 'memory' | 'disk';
  /** Another machine for it: the address on which it answers there, and what is put before a command to run it there [this one, the loopback]. */
  readonly place?: { readonly address: string; readonly on: readonly string[] };
}

const HERE = { address: '127.0.0.1', on: [] };
const KEY = 'causeway-test';
const execute = promisify(execFile);
const AGAIN_AFTER_MS = 50;
const ATTEMPT_MS = 10_000;

/** Needs the Debian packages ceph-mon, ceph-osd, radosgw and ceph-common. The caller ends it with `stop`. */
export async function startS3Server({ keeps, place: machine = HERE }: S3ServerOptions): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-ceph-'));
  const [monPort, port] = [await freePort(), await freePort()];
  const place = { folder, monPort, port, keeps, clusterId: randomUUID(), address: machine.address };
  const ceph = new Ceph({ folder, port, ...machine });
  try {
    await prepareFolder(place);
    await ceph.create(place);
  } catch (error) {
    await ceph.stop();
    throw error;
  }
  return ceph;
}

async function prepareFolder(at: CephPlace): Promise<void> {
  for (const name of ['mon', 'osd.0', 'run', 'log']) await mkdir(join(at.folder, name));
  await writeFile(join(at.folder, 'ceph.conf'), cephConfiguration(at));
}

class Ceph implements S3Server {
  readonly port: number;
  readonly endpoint: string;
  readonly accessKey = KEY;
  readonly secretKey = KEY;
  readonly #folder: string;
  readonly #on: readonly string[];
  readonly #children = new Map<string, ChildProcess>();

  constructor({ folder, port, address, on }: { folder: string; port: number; address: string; on: readonly string[] }) {
    this.#folder = folder;
    this.#on = on;
    this.port = port;
    this.endpoint = `http://${address}:${port}`;
    process.on('exit', this.#end);
  }

  /** Makes monitor, disk and user, and starts everything. */
  async create({ monPort, clusterId }: CephPlace): Promise<void> {
    const map = join(this.#folder, 'monmap');
    await this.#run('monmaptool', ['--create', '--clobber', '--fsid', clusterId, '--addv', 'a', `[v1:127.0.0.1:${monPort}]`, map]);
    await this.#run('ceph-mon', this.#arguments('--mkfs', '-i', 'a', '--monmap', map));
    this.#spawn('mon', 'ceph-mon', '-i', 'a', '-f');
    const disk = randomUUID();
    await this.#again(() => this.#run('ceph', this.#arguments('osd', 'new', disk, '0'), ATTEMPT_MS));
    // A disk server that says itself where it is does so before it surely has the monitors' map, and ends of a "wrong fsid".
    const where = ['osd', 'crush', 'create-or-move', 'osd.0', '1', 'host=h', 'root=default'];
    await this.#again(() => this.#run('ceph', this.#arguments(...where), ATTEMPT_MS));
    await this.#run('ceph-osd', this.#arguments('-i', '0', '--mkfs', '--osd-uuid', disk));
    this.#startDisk();
    const user = ['user', 'create', '--uid=test', '--display-name=test', `--access-key=${KEY}`, `--secret-key=${KEY}`];
    await this.#run('radosgw-admin', this.#arguments(...user), 60_000);
    await this.#startGateway();
  }

  pids(): Map<string, number> {
    return new Map([...this.#children].map(([name, child]) => [name, child.pid!]));
  }

  environment(bucket: string): NodeJS.ProcessEnv {
    return {
      CAUSEWAY_OBJECT_STORE: `s3:${bucket}`,
      CAUSEWAY_S3_ENDPOINT: this.endpoint,
      CAUSEWAY_S3_ACCESS_KEY: KEY,
      CAUSEWAY_S3_SECRET_KEY: 'env:CAUSEWAY_TEST_S3_SECRET',
      CAUSEWAY_TEST_S3_SECRET: KEY,
    };
  }

  async kill(): Promise<void> {
    const gone = [...this.#children.values()].map((child) => exitOf(child));
    this.#end();
    await Promise.all(gone);
    this.#children.clear();
  }

  async crash(name: 'mon' | 'osd' | 'rgw'): Promise<void> {
    const child = this.#children.get(name)!;
    const gone = exitOf(child);
    child.kill('SIGKILL');
    await gone;
    if (name === 'rgw') return this.#startGateway();
    if (name === 'mon') this.#spawn('mon', 'ceph-mon', '-i', 'a', '-f');
    else this.#startDisk();
    await this.#again(() => fetch(this.endpoint, { signal: AbortSignal.timeout(ATTEMPT_MS) }));
  }

  async start(): Promise<void> {
    this.#spawn('mon', 'ceph-mon', '-i', 'a', '-f');
    this.#startDisk();
    await this.#startGateway();
  }

  async stop(): Promise<void> {
    await this.kill();
    process.off('exit', this.#end);
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** Also when the test process ends early; nothing of it is worth an orderly end. */
  readonly #end = (): void => {
    for (const child of this.#children.values()) child.kill('SIGKILL');
  };

  #arguments(...rest: string[]): string[] {
    return ['-c', join(this.#folder, 'ceph.conf'), ...rest];
  }

  async #run(program: string, words: string[], withinMs = 0): Promise<void> {
    const [command, ...rest] = [...this.#on, program, ...words];
    await execute(command!, rest, { timeout: withinMs });
  }

  #spawn(name: string, program: string, ...rest: string[]): void {
    const output = openSync(join(this.#folder, 'log', `${name}.out`), 'a');
    const [command, ...words] = [...this.#on, program, ...this.#arguments(...rest)];
    this.#children.set(name, spawn(command!, words, { stdio: ['ignore', output, output] }));
    closeSync(output);
  }

  /** Its configuration is whole: it need not wait for a monitor that is still reading its own files. */
  #startDisk(): void {
    this.#spawn('osd', 'ceph-osd', '-i', '0', '-f', '--no-mon-config');
  }

  async #startGateway(): Promise<void> {
    this.#spawn('rgw', 'radosgw', '-n', 'client.rgw', '-f');
    await this.#again(() => fetch(this.endpoint, { signal: AbortSignal.timeout(ATTEMPT_MS) }));
  }

  #assertAllRun(cause: unknown): void {
    for (const [name, child] of this.#children) {
      if (child.exitCode === null && child.signalCode === null) continue;
      const said = readFileSync(join(this.#folder, 'log', `${name}.out`), 'utf8').slice(-2_000);
      throw new Error(`ceph ${name} ended (${child.exitCode ?? child.signalCode}): ${said}`, { cause });
    }
  }

  /** Until it succeeds; a server that ended will never let it. */
  async #again<T>(attempt: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        this.#assertAllRun(error);
        await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
      }
    }
  }
}

function exitOf(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', resolve));
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
