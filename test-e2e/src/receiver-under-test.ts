// A receiver alone for a test: the real service as a process, on a real nats-server, with an object folder that the test may put anywhere.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { freePort, type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { createLogger } from '@causeway/shared/logger';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../deploy/standalone/src/node-runtime.ts';
import { ROOT } from './gateway-under-test.ts';
import { lastingPort } from './lasting-port.ts';
import { until } from './wait-for-fact.ts';

export interface ReceiverOptions {
  /** Fields of the gateway document beside its one facility and destination; published: the one that is there already. */
  readonly document?: object | 'published';
  /** Its DICOM port [a free one]. */
  readonly port?: number;
  /** Its object folder [one of its own]. */
  readonly objects?: string;
  /** JetStream to use instead of a server of its own: addresses, joined by commas. */
  readonly natsUrl?: string;
  readonly replicas?: number;
  /** Bytes that all streams together may take. */
  readonly streamBytes?: number;
  /** Further environment. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface ReceiverUnderTest {
  readonly port: number;
  readonly pid: number;
  /** Of its health and metrics. */
  readonly opsUrl: string;
  readonly objects: string;
  /** To look at streams, and to consume. */
  readonly bus: Bus;
  /** Its own nats-server; undefined when another was given. */
  readonly nats: NatsServer | undefined;
  /** What it wrote. */
  log(): string;
  untilReady(): Promise<void>;
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
  /** SIGTERM; resolves with the exit code when it has drained and is gone. */
  terminate(): Promise<number | null>;
  /** Again, on the same port and folder; resolves when it is ready. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const STREAM_BYTES = 256 * 1024 ** 2;

/** The receiver alone: nobody consumes what it announces. */
export async function startReceiver(options: ReceiverOptions = {}): Promise<ReceiverUnderTest> {
  const scratch = mkdtempSync(join(tmpdir(), 'causeway-receiver-'));
  const nats = options.natsUrl === undefined ? await startNatsServer() : undefined;
  const url = options.natsUrl ?? nats!.url;
  const sizing = { replicas: options.replicas ?? 1, totalBytes: options.streamBytes ?? STREAM_BYTES };
  const { CAUSEWAY_NATS_USER: user, CAUSEWAY_NATS_PASSWORD: password } = options.env ?? {};
  const bus = await connectBus({ name: 'test', url, user, password, sizing, log: createLogger('test', 'fatal') });
  const port = options.port ?? (await lastingPort());
  const receiver = new RunningReceiver({ options, scratch, nats, bus, url, port, opsPort: await freePort() });
  try {
    if (options.document !== 'published') await publishGatewayDocument(bus, 1, documentOf(options.document));
    await receiver.start();
  } catch (error) {
    await receiver.stop();
    throw error;
  }
  return receiver;
}

/** A whole gateway document with these fields. */
export const documentOf = (document?: object): object => ({
  facilities: [{ id: 'main', match: [{}], destinations: ['archive'] }],
  destinations: [{ id: 'archive', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' }],
  ...document,
});

interface Parts {
  readonly options: ReceiverOptions;
  readonly scratch: string;
  readonly nats: NatsServer | undefined;
  readonly bus: Bus;
  readonly url: string;
  readonly port: number;
  readonly opsPort: number;
}

class RunningReceiver implements ReceiverUnderTest {
  readonly port: number;
  readonly objects: string;
  readonly bus: Bus;
  readonly nats: NatsServer | undefined;
  readonly #parts: Parts;
  #child: ChildProcess | undefined;
  #log = '';
  readonly #killNow = (): void => void this.#child?.kill('SIGKILL');

  constructor(parts: Parts) {
    this.#parts = parts;
    this.port = parts.port;
    this.bus = parts.bus;
    this.nats = parts.nats;
    this.objects = parts.options.objects ?? join(parts.scratch, 'objects');
    process.on('exit', this.#killNow);
  }

  get pid(): number {
    return this.#child!.pid!;
  }

  get opsUrl(): string {
    return `http://127.0.0.1:${this.#parts.opsPort}`;
  }

  log(): string {
    return this.#log;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [...NODE_FLAGS, join(ROOT, 'services', 'receiver', 'src', 'main.ts')], {
      env: { ...process.env, ...NODE_ENVIRONMENT, ...this.#environment(), ...this.#parts.options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (this.#log += data.toString()));
    this.#child = child;
    await this.untilReady();
  }

  async untilReady(): Promise<void> {
    await until('the receiver is ready', async () => {
      const { exitCode, signalCode } = this.#child!;
      if (exitCode !== null || signalCode !== null) throw new Error(`the receiver ended (${exitCode ?? signalCode}):\n${this.#log}`);
      return (await fetch(`${this.opsUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) })).ok;
    });
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  terminate(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  async stop(): Promise<void> {
    process.off('exit', this.#killNow);
    await this.#end('SIGKILL');
    await this.bus.close();
    await this.nats?.stop();
    rmSync(this.#parts.scratch, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  #environment(): NodeJS.ProcessEnv {
    const { options, url, port, opsPort } = this.#parts;
    return {
      CAUSEWAY_NATS_URL: url,
      CAUSEWAY_OBJECT_STORE: `folder:${this.objects}`,
      CAUSEWAY_STREAM_BYTES: String(options.streamBytes ?? STREAM_BYTES),
      CAUSEWAY_STREAM_REPLICAS: String(options.replicas ?? 1),
      CAUSEWAY_DICOM_HOST: '127.0.0.1',
      CAUSEWAY_DICOM_PORT: String(port),
      CAUSEWAY_OPS_PORT: String(opsPort),
    };
  }
}
