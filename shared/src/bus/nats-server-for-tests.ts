// A real nats-server on a free port with its own folder, for tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface NatsServer {
  readonly url: string;
  /** Of the running process. */
  readonly pid: number;
  /** SIGKILL. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Deletes the JetStream data of a killed server. */
  wipe(): Promise<void>;
  /** SIGTERM: what it knows is written; then, unless it is to be kept, its folder is removed. */
  stop(options?: { keep: boolean }): Promise<void>;
}

/** The program is CAUSEWAY_NATS_SERVER, or `nats-server` of the PATH; a configuration file adds to address, port and folder. */
export async function startNatsServer(options: { folder?: string; configurationFile?: string } = {}): Promise<NatsServer> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'causeway-nats-')));
  const port = await freePort();
  let child: ChildProcess | undefined;
  const start = async () => {
    // nats-server 2.9 may leave files where it runs, when a consumer is made while it is removed.
    await mkdir(folder, { recursive: true });
    const configuration = options.configurationFile === undefined ? [] : ['-c', options.configurationFile];
    const place = ['-a', '127.0.0.1', '-p', String(port), '-js', '-sd', folder];
    child = spawn(natsServerProgram(), [...configuration, ...place], { stdio: 'ignore', cwd: folder });
    await untilListening(port, child);
  };
  const end = async (signal: NodeJS.Signals) => {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return;
    const ended = new Promise((resolve) => ending.once('exit', resolve));
    ending.kill(signal);
    await ended;
  };
  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    get pid() {
      return child!.pid!;
    },
    kill: () => end('SIGKILL'),
    start,
    wipe: () => rm(folder, { recursive: true, force: true }),
    stop: async ({ keep } = { keep: false }) => {
      await end('SIGTERM');
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

export function natsServerProgram(): string {
  return process.env.CAUSEWAY_NATS_SERVER ?? 'nats-server';
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}`);
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
