// One DICOMweb server as we talk to it: connections, TLS, proxy, timeouts and authorization in one place.
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { SecretReader } from '../config/secret-reference.ts';
import { PermanentError, TransientError } from '../errors.ts';
import { type AuthorizationSource, createAuthorization, type HttpAuthorization } from './http-authorization.ts';
import { type HttpProxy, type HttpTls, RenewedConnections } from './http-connections.ts';
import { inHttpSpan, type TracedRequest } from './http-spans.ts';

export interface HttpClientOptions {
  /** Base URL, e.g. https://archive.example.org/dicom-web; paths of requests are appended. */
  readonly url: string;
  readonly auth: HttpAuthorization;
  readonly tls?: HttpTls | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** connect: TCP and TLS. idle: no byte moved in either direction, also while the server works on its answer; never a limit on the whole. */
  readonly timeouts: { readonly connectMs: number; readonly idleMs: number };
  /** Connections at a time [no limit]. */
  readonly connections?: number | undefined;
  readonly readSecret: SecretReader;
  readonly now?: () => number;
  /** Told of renewed certificates that cannot be used. */
  readonly warn?: (reason: string) => void;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'HEAD';
  /** Appended to the base URL, begins with a slash. */
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly headers?: Record<string, string>;
  /** Made anew for each time the request is sent. */
  readonly body?: () => Readable;
  readonly signal?: AbortSignal;
  /** See http-spans.ts. */
  readonly traces?: TracedRequest['traces'];
}

export interface HttpClient {
  /**
   * Sends with the Authorization header, once; once more with a fresh token when the answer to an OAuth2 token is 401. Redirects are not followed. Resolves with
   * any status (the caller must read or destroy `body`). Certificates, keys and secrets are those that the files hold now. Throws AuthorizationUnavailable when
   * there is no secret or token, TransientError when the connection failed: the outcome may then be unknown (connection-fault of the caller).
   */
  request(request: HttpRequest): Promise<Dispatcher.ResponseData>;
  /** Ends open connections at once. */
  close(): Promise<void>;
}

/** So much of a 401 is read to keep the connection. */
const MAX_REFUSAL_BYTES = 16 * 1024;

/** Reads certificates and keys. Throws TransientError when one cannot be read or used. */
export async function createHttpClient(options: HttpClientOptions): Promise<HttpClient> {
  const { tls, proxy, readSecret, timeouts, warn, now = Date.now } = options;
  const plan = { tls, proxy, readSecret, warn, connectMs: timeouts.connectMs, connections: options.connections };
  const connections = await RenewedConnections.open(plan, now);
  const authorization = createAuthorization(options.auth, {
    readSecret,
    dispatcher: async () => (await connections.current()).tokens,
    now,
  });
  const sending = { connections, authorization, base: new URL(options.url), idleMs: timeouts.idleMs };
  return {
    request: (request) => sendAuthorized(sending, request),
    close: () => connections.destroy(),
  };
}

interface Sending {
  readonly connections: RenewedConnections;
  readonly authorization: AuthorizationSource;
  readonly base: URL;
  readonly idleMs: number;
}

async function sendAuthorized(sending: Sending, request: HttpRequest): Promise<Dispatcher.ResponseData> {
  const { authorization } = sending;
  const header = await authorization.header();
  const response = await inHttpSpan(request, sending.base, () => send(sending, request, header));
  if (response.statusCode !== 401 || header === undefined || !authorization.renew(header)) return response;
  const fresh = await authorization.header();
  await response.body.dump({ limit: MAX_REFUSAL_BYTES }).catch(() => {});
  return await inHttpSpan(request, sending.base, () => send(sending, request, fresh));
}

async function send(
  { connections, base, idleMs }: Sending,
  request: HttpRequest,
  authorization: string | undefined,
): Promise<Dispatcher.ResponseData> {
  const query = request.query === undefined || request.query.size === 0 ? '' : `?${request.query}`;
  const { server } = await connections.current();
  try {
    return await server.request({
      origin: base.origin,
      path: `${base.pathname.replace(/\/+$/, '')}${request.path}${query}`,
      method: request.method,
      headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
      body: request.body?.() ?? null,
      // With the request, because a proxy that forwards http has connections without our settings.
      headersTimeout: idleMs,
      bodyTimeout: idleMs,
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    });
  } catch (error) {
    // What the producer of the body threw says more than that the connection was given up for it.
    if (error instanceof TransientError || error instanceof PermanentError) throw error;
    throw new TransientError(`${request.method} to ${base.origin} failed`, { cause: error });
  }
}
