// The sandbox archive's HTTP face: routes, limits and answers. Building it is separate from starting it.
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { Archive } from './archive.ts';
import type { ArrivalsJournal } from './arrivals-journal.ts';
import { FaultBox, fault } from './faults.ts';
import { answerEmpty, answerJson, drainRequest, type Exchange, HttpProblem } from './http-exchange.ts';
import { search } from './qido.ts';
import { storeInstances } from './stow.ts';
import { retrieve, retrieveMetadata } from './wado.ts';

export interface SandboxOptions {
  readonly archive: Archive;
  readonly journal: ArrivalsJournal;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer };
  /** Whether faults may be ordered (tests). */
  readonly allowFaults: boolean;
  readonly limits?: Partial<typeof DEFAULT_LIMITS>;
  /** What failed, without patient data. */
  readonly report: (problem: string) => void;
}

export interface Sandbox {
  /** Of the DICOMweb service. */
  readonly url: string;
  /** Of the server: /sandbox and /health lie there. */
  readonly origin: string;
  /** Refuses new requests, lets open ones finish for at most graceMs. */
  close(graceMs: number): Promise<void>;
}

/** connections: open at a time; requests: at work at a time, more are answered 503; instances: in one STOW request; idleMs: no byte moved. */
const DEFAULT_LIMITS = { connections: 512, requests: 64, instances: 10_000, idleMs: 120_000 };
const MAX_FAULT_BYTES = 4096;
const PREFIX = '/dicom-web';

type Handler = (exchange: Exchange) => Promise<void>;
type Route = readonly [method: string, path: RegExp, handler: Handler];

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const faults = new FaultBox();
  let origin = '';
  const routes = [...dicomWebRoutes(options, { faults, maxInstances: limits.instances }), ...testRoutes(options, faults)];
  const listener = new RequestGate({ routes, maxRequests: limits.requests, origin: () => origin, report: options.report });
  const server = createHttpServer(options, (request, response) => void listener.handle(request, response));
  server.maxConnections = limits.connections;
  // A 2 GB instance over a slow line takes hours: only silence ends a request, never its length.
  server.requestTimeout = 0;
  server.headersTimeout = 30_000;
  server.timeout = limits.idleMs;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(options.port, options.host, resolve));
  const { port } = server.address() as AddressInfo;
  origin = `${options.tls === undefined ? 'http' : 'https'}://${options.host}:${port}`;
  return { url: origin + PREFIX, origin, close: (graceMs) => closeServer(server, graceMs) };
}

function createHttpServer({ tls }: SandboxOptions, listener: RequestListener): Server {
  return tls === undefined ? createServer(listener) : createTlsServer({ ...tls, minVersion: 'TLSv1.2' }, listener);
}

async function closeServer(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearTimeout(timer);
}

/** UIDs in paths: digits and dots only (PS3.5 section 9.1). */
const path = (text: string): RegExp => new RegExp(`^${text.replaceAll(/\{(\w+)\}/g, '(?<$1>[0-9.]{1,64})')}/?$`);

function dicomWebRoutes(
  { archive, journal }: SandboxOptions,
  { faults, maxInstances }: { faults: FaultBox; maxInstances: number },
): Route[] {
  const store: Handler = (exchange) => storeInstances({ archive, journal, faults, maxInstances }, exchange);
  const studies: Handler = (exchange) => search({ index: archive.index, faults }, 'study', exchange);
  const series: Handler = (exchange) => search({ index: archive.index, faults }, 'series', exchange);
  const instances: Handler = (exchange) => search({ index: archive.index, faults }, 'instance', exchange);
  const content: Handler = (exchange) => retrieve({ archive, faults }, exchange);
  const metadata: Handler = (exchange) => retrieveMetadata({ archive, faults }, exchange);
  const study = `${PREFIX}/studies/{study}`;
  const oneSeries = `${study}/series/{series}`;
  const instance = `${oneSeries}/instances/{instance}`;
  return [
    ['POST', path(`${PREFIX}/studies`), store],
    ['POST', path(study), store],
    ['GET', path(`${PREFIX}/studies`), studies],
    ['GET', path(`${PREFIX}/series`), series],
    ['GET', path(`${PREFIX}/instances`), instances],
    ['GET', path(`${study}/series`), series],
    ['GET', path(`${study}/instances`), instances],
    ['GET', path(`${oneSeries}/instances`), instances],
    ...[study, oneSeries, instance].flatMap((level): Route[] => [
      ['GET', path(level), content],
      ['GET', path(`${level}/metadata`), metadata],
    ]),
  ];
}

function testRoutes({ archive, journal, allowFaults }: SandboxOptions, faults: FaultBox): Route[] {
  const requireAllowed = (): void => {
    if (!allowFaults) throw new HttpProblem(403, 'faults are not allowed here (CAUSEWAY_SANDBOX_FAULTS=1)');
  };
  const setFault: Handler = async ({ request, response }) => {
    requireAllowed();
    faults.set(await readFault(request));
    answerJson(response, { status: 200 }, faults.current);
  };
  const clearFaults: Handler = async ({ response }) => {
    requireAllowed();
    faults.set(undefined);
    answerEmpty(response, { status: 204 });
  };
  const clearArrivals: Handler = async ({ response }) => {
    await journal.clear();
    answerEmpty(response, { status: 204 });
  };
  const sendArrivals: Handler = async ({ response }) => {
    response.writeHead(200, { 'content-type': 'application/x-ndjson' });
    await pipeline(journal.stream(), response);
  };
  const sendSummary: Handler = async ({ response }) => {
    const { index } = archive;
    const counts = { studies: index.studies.size, instances: index.instanceCount, arrivals: journal.arrivals, repeats: journal.repeats };
    answerJson(response, { status: 200 }, counts);
  };
  return [
    ['GET', path('/health/ready'), async ({ response }) => answerJson(response, { status: 200 }, { status: 'ready' })],
    ['GET', path('/sandbox/arrivals'), sendArrivals],
    ['DELETE', path('/sandbox/arrivals'), clearArrivals],
    ['GET', path('/sandbox/summary'), sendSummary],
    ['PUT', path('/sandbox/faults'), setFault],
    ['DELETE', path('/sandbox/faults'), clearFaults],
  ];
}

async function readFault(request: IncomingMessage): Promise<ReturnType<typeof fault.parse>> {
  let text = '';
  for await (const chunk of request) {
    text += chunk;
    if (text.length > MAX_FAULT_BYTES) throw new HttpProblem(413, `more than ${MAX_FAULT_BYTES} bytes`);
  }
  try {
    return fault.parse(JSON.parse(text));
  } catch (error) {
    throw new HttpProblem(400, `not a fault: ${(error as Error).message}`);
  }
}

interface GateOptions {
  readonly routes: readonly Route[];
  readonly maxRequests: number;
  readonly origin: () => string;
  readonly report: (problem: string) => void;
}

/** Finds the handler, bounds how many are at work, and turns what they throw into answers. */
class RequestGate {
  readonly #options: GateOptions;
  #atWork = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.#atWork += 1;
    try {
      if (this.#atWork > this.#options.maxRequests) throw new HttpProblem(503, 'too many requests at a time');
      const url = new URL(request.url ?? '/', 'http://sandbox');
      const { handler, parameters } = this.#route(request.method ?? 'GET', url.pathname);
      await handler({ request, response, parameters, query: url.searchParams, baseUrl: this.#options.origin() + PREFIX });
    } catch (error) {
      await this.#fail(request, response, error);
    } finally {
      this.#atWork -= 1;
    }
  }

  #route(method: string, pathname: string): { handler: Handler; parameters: Record<string, string> } {
    const onPath = this.#options.routes.flatMap(([routeMethod, pattern, handler]) => {
      const match = pattern.exec(pathname);
      return match === null ? [] : [{ routeMethod, handler, parameters: { ...match.groups } }];
    });
    const found = onPath.find(({ routeMethod }) => routeMethod === method);
    if (found !== undefined) return found;
    throw onPath.length > 0 ? new HttpProblem(405, 'not a method of this resource') : new HttpProblem(404, 'no such resource');
  }

  async #fail(request: IncomingMessage, response: ServerResponse, error: unknown): Promise<void> {
    const problem = error instanceof HttpProblem ? error : undefined;
    if (problem === undefined && !request.destroyed) this.#options.report(`a request failed: ${(error as Error).message}`);
    if (response.headersSent) return void response.destroy();
    const headers: Record<string, string> = problem?.status === 503 ? { 'retry-after': '1' } : {};
    await drainRequest(request).catch(() => undefined);
    if (!response.destroyed) {
      answerJson(response, { status: problem?.status ?? 500, headers }, { error: problem?.message ?? 'the archive could not do this' });
    }
  }
}
