// For the tests: a bus that remembers what was published, a store in a folder, a sandbox archive of its own process, and retrievals.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Bus, ConsumerPlan, Message } from '@causeway/shared/bus/bus';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { createHttpClient } from '@causeway/shared/dicomweb/http-client';
import { STOW_TYPE, stowBody, type TestInstance } from '@causeway/shared/dicomweb/instances-for-tests';
import type { DeliveryDue } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { Fact, FactOf } from '@causeway/shared/events/facts';
import type { RetrievalDue } from '@causeway/shared/events/retrieval';
import { createLogger } from '@causeway/shared/logger';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { KeyedTurns } from './keyed-turns.ts';
import { type RetrieveParts, retrieve } from './retrieve.ts';
import { createSourceClient, type SourceClient } from './source-client.ts';

export interface MemoryBus extends Bus {
  readonly deliveries: DeliveryDue[];
  readonly retrievals: RetrievalDue[];
  readonly facts: Fact[];
  readonly values: Map<string, Uint8Array>;
  readonly consumers: { plan: ConsumerPlan<unknown>; handler: (message: Message<unknown>) => Promise<void>; stopped: boolean }[];
  waiting: number;
  /** Throws instead of taking the next publications. */
  failWith: Error | undefined;
}

export function memoryBus(): MemoryBus {
  const unused = (): never => {
    throw new Error('a retriever has no need of this');
  };
  const values = new Map<string, Uint8Array>();
  const bus: MemoryBus = {
    deliveries: [],
    retrievals: [],
    facts: [],
    values,
    consumers: [],
    waiting: 0,
    failWith: undefined,
    publish: async (event) => {
      if (bus.failWith !== undefined) throw bus.failWith;
      if ((event as { type: string }).type === 'retrieval.due') bus.retrievals.push(structuredClone(event) as RetrievalDue);
      else bus.deliveries.push(structuredClone(event) as DeliveryDue);
    },
    publishFact: async (fact) => void bus.facts.push(structuredClone(fact)),
    consume: async (plan, handler) => {
      const consumer = {
        plan: plan as ConsumerPlan<unknown>,
        handler: handler as (message: Message<unknown>) => Promise<void>,
        stopped: false,
      };
      bus.consumers.push(consumer);
      return {
        pause: unused,
        resume: unused,
        limit: unused,
        finish: unused,
        stop: async () => {
          consumer.stopped = true;
        },
      };
    },
    bucket: async () => ({
      get: async (key) => values.get(key),
      put: async (key, value) => void values.set(key, value),
      delete: async (key) => void values.delete(key),
      watch: unused,
    }),
    queued: async () => bus.waiting,
    onPublication: unused,
    idleConsumers: unused,
    removeIdleConsumer: unused,
    backlog: unused,
    subjects: unused,
    streams: unused,
    clockOffsetMs: unused,
    takeOut: unused,
    unacknowledged: unused,
    waitingSince: unused,
    position: unused,
    replay: unused,
    probe: async () => undefined,
    close: async () => undefined,
  };
  return bus;
}

export const changes = (bus: MemoryBus): FactOf<'ledger.retrieval.changed'>[] =>
  bus.facts.filter((fact) => fact.type === 'ledger.retrieval.changed');

export const SILENT = createLogger('test', 'silent');

export const documentWith = (urls: Record<string, string>) =>
  parseGatewayDocument({
    destinations: [
      { id: 'viewer', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'VIEWER' },
      { id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: 105, calledAe: 'PACS' },
    ],
    retrieval: { sources: Object.entries(urls).map(([id, url]) => ({ id, url, destinations: ['viewer'] })) },
  });

let drawn = 0;
export function dueRetrieval(studyInstanceUid: string, change: Partial<RetrievalDue['retrieval']> = {}): RetrievalDue {
  drawn += 1;
  const retrieval = {
    id: `r${drawn}`,
    source: 'archive',
    studyInstanceUid,
    destinations: ['viewer'],
    lane: 'routine' as const,
    requestedBy: 'test',
    ...change,
  };
  return { ...newEnvelope(), type: 'retrieval.due', retrieval };
}

/** A retriever without its process: `archive` is the source at `url`. */
export class RetrieverUnderTest {
  readonly bus = memoryBus();
  readonly folder: string;
  readonly store: ObjectStore & { close(): Promise<void> };
  /** Requests that reached the client, by path. */
  readonly asked: string[] = [];
  readonly parts: RetrieveParts;
  readonly client: SourceClient;
  readonly #close: () => Promise<void>;
  now = new Date();

  private constructor(made: {
    folder: string;
    store: ObjectStore & { close(): Promise<void> };
    url: string;
    http: Awaited<ReturnType<typeof createHttpClient>>;
  }) {
    this.folder = made.folder;
    this.store = made.store;
    const { http } = made;
    this.client = createSourceClient({
      ...http,
      request: (request) => {
        this.asked.push(request.path);
        return http.request(request);
      },
    });
    this.#close = () => http.close();
    const noMetrics = { retrieved: () => undefined, fetched: () => undefined, fromCache: () => undefined, cached: () => undefined };
    const document = documentWith({ archive: made.url });
    this.parts = {
      bus: this.bus,
      queues: new DeliveryQueues({ bus: this.bus, document: () => document, now: () => performance.now() }),
      store: this.store,
      log: SILENT,
      metrics: noMetrics,
      revision: () => ({ revision: 3, document }),
      turns: new KeyedTurns(),
      now: () => this.now,
    };
  }

  static async start(url: string): Promise<RetrieverUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'retriever-'));
    const store = await openFolderStore(folder);
    const timeouts = { connectMs: 2000, idleMs: 5000 };
    const http = await createHttpClient({ url, auth: { kind: 'none' }, timeouts, readSecret: createSecretReader({}) });
    return new RetrieverUnderTest({ folder, store, url, http });
  }

  run(due: RetrievalDue, signal = new AbortController().signal): Promise<void> {
    return retrieve(this.parts, this.client, { due, signal });
  }

  async stop(): Promise<void> {
    await this.#close();
    await this.store.close();
    await rm(this.folder, { recursive: true });
  }
}

export interface SandboxProcess {
  readonly url: string;
  store(instances: readonly TestInstance[]): Promise<void>;
  order(fault: object | undefined): Promise<void>;
  stop(): Promise<void>;
}

const SANDBOX = new URL('../../../deploy/standalone/src/sandbox/main.ts', import.meta.url).pathname;

/** A process of its own, as users have it: services import no deployment. */
export async function startSandboxProcess(): Promise<SandboxProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'retriever-sandbox-'));
  const env = { ...process.env, CAUSEWAY_SANDBOX_DIR: folder, CAUSEWAY_SANDBOX_PORT: '0', CAUSEWAY_SANDBOX_FAULTS: '1' };
  const child = spawn(process.execPath, [SANDBOX], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const url = await listeningUrl(child);
  const origin = new URL(url).origin;
  return {
    url,
    store: async (instances) => {
      const body = new Uint8Array(stowBody(instances.map(({ file }) => file)));
      const response = await fetch(`${url}/studies`, { method: 'POST', body, headers: { 'content-type': STOW_TYPE } });
      if (response.status !== 200) throw new Error(`the sandbox answered ${response.status}`);
    },
    order: async (fault) => {
      const init = fault === undefined ? { method: 'DELETE' } : { method: 'PUT', body: JSON.stringify(fault) };
      const response = await fetch(`${origin}/sandbox/faults`, init);
      if (!response.ok) throw new Error(`the sandbox answered ${response.status}`);
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const { url } = JSON.parse(line) as { url?: string };
    if (url === undefined) continue;
    child.stdout!.resume();
    return url;
  }
  throw new Error('the sandbox ended before it listened');
}
