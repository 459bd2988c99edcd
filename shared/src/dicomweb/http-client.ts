// One DICOMweb server as we talk to it: connections, TLS, proxy, timeouts and authorization in one place.
import { rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';
import type { SecretReader } from '../config/secret-reference.ts';
import { PermanentError, TransientError } from '../errors.ts';
import { type AuthorizationSource, createAuthorization, type HttpAuthorization } from './http-authorization.ts';

export interface HttpTls {
  /** References; absent `ca`: the certificate authorities that come with Node. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly minVersion?: '1.2' | '1.3' | undefined;
}

export interface HttpClientOptions {
  /** Base URL, e.g. https://archive.example.org/dicom-web; paths of requests are appended. */
  readonly url: string;
  readonly auth: HttpAuthorization;
  readonly tls?: HttpTls | undefined;
  readonly proxy?: string | undefined;
  /** connect: TCP and TLS. idle: no byte moved in either direction, also while the server works on its answer; never a limit on the whole. */
  readonly timeouts: { readonly connectMs: number; readonly idleMs: number };
  /** Connections at a time [no limit]. */
  readonly connections?: number | undefined;
  readonly readSecret: SecretReader;
  readonly now?: () => number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'HEAD';
  /** Appended to the base URL, begins with a slash. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Record<string, string>;
  readonly body?: Dispatcher.DispatchOptions['body'];
  readonly signal?: AbortSignal;
}

export interface HttpClient {
  readonly dispatcher: Dispatcher;
  readonly authorization: AuthorizationSource;
  /**
   * Sends once, with the Authorization header; redirects are not followed. Resolves with any status (the caller must read or destroy `body`; a fresh token is
   * asked for after a 401). Throws TransientError when the connection failed: the outcome is then unknown.
   */
  request(request: HttpRequest): Promise<Dispatcher.ResponseData>;
  /** Ends open connections at once. */
  close(): Promise<void>;
}

const KEEP_ALIVE_MS = 4_000;

/** Reads certificates and keys. Throws TransientError when one cannot be read. */
export async function createHttpClient(options: HttpClientOptions): Promise<HttpClient> {
  const tls = await readTls(options);
  const dispatcher = createDispatcher(options, tls);
  const tokens = createDispatcher(options, { ...tls, ...(tls.ca === undefined ? {} : { ca: [...rootCertificates, tls.ca].flat() }) });
  const authorization = createAuthorization(options.auth, {
    readSecret: options.readSecret,
    dispatcher: tokens,
    now: options.now ?? Date.now,
  });
  const base = new URL(options.url);
  return {
    dispatcher,
    authorization,
    request: (request) => send({ dispatcher, authorization, base }, request),
    close: async () => {
      await Promise.all([dispatcher.destroy(), tokens.destroy()]);
    },
  };
}

type Tls = { ca?: string | string[]; cert?: string; key?: string; minVersion: 'TLSv1.2' | 'TLSv1.3' };

async function readTls({ tls, readSecret }: HttpClientOptions): Promise<Tls> {
  const read = async (name: 'ca' | 'cert' | 'key'): Promise<Partial<Tls>> => {
    const reference = tls?.[name];
    return reference === undefined ? {} : { [name]: await readSecret(reference) };
  };
  const parts = await Promise.all([read('ca'), read('cert'), read('key')]);
  return Object.assign({ minVersion: `TLSv${tls?.minVersion ?? '1.2'}` as const }, ...parts);
}

function createDispatcher(options: HttpClientOptions, tls: Tls): Dispatcher {
  const { connectMs, idleMs } = options.timeouts;
  const limits = {
    headersTimeout: idleMs,
    bodyTimeout: idleMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connections: options.connections ?? null,
    // One request a connection at a time: a large body must not hold up another's answer.
    pipelining: 1,
    allowH2: false,
  };
  if (options.proxy === undefined) return new Agent({ ...limits, connect: { timeout: connectMs, ...tls } });
  return new ProxyAgent({
    ...limits,
    uri: options.proxy,
    connect: { timeout: connectMs },
    requestTls: { timeout: connectMs, ...tls },
    proxyTls: { timeout: connectMs },
  });
}

interface Sending {
  readonly dispatcher: Dispatcher;
  readonly authorization: AuthorizationSource;
  readonly base: URL;
}

async function send({ dispatcher, authorization, base }: Sending, request: HttpRequest): Promise<Dispatcher.ResponseData> {
  const header = await authorization.header();
  const query = request.query === undefined || request.query.size === 0 ? '' : `?${request.query}`;
  try {
    const response = await dispatcher.request({
      origin: base.origin,
      path: `${base.pathname.replace(/\/+$/, '')}${request.path}${query}`,
      method: request.method,
      headers: { ...request.headers, ...(header === undefined ? {} : { authorization: header }) },
      body: request.body ?? null,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
    if (response.statusCode === 401) authorization.forget();
    return response;
  } catch (error) {
    // What the producer of the body threw says more than that the connection was given up for it.
    if (error instanceof TransientError || error instanceof PermanentError) throw error;
    throw new TransientError(`${request.method} to ${base.origin} failed`, { cause: error });
  }
}

/** Retry-After as ms from now: seconds or an HTTP date (RFC 9110 section 10.2.3). undefined: absent or neither. */
export function retryAfterMs(value: string | string[] | undefined, now = Date.now()): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
