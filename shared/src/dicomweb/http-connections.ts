// Connections to one server: TLS, by files that may be replaced while we run; HTTP/1.1 or HTTP/2, as the server chooses; perhaps through a proxy.
import { createSecureContext, rootCertificates } from 'node:tls';
import { Agent, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { SecretReader } from '../config/secret-reference.ts';
import { describeError, TransientError } from '../errors.ts';

export interface HttpTls {
  /** References; absent `ca`: the certificate authorities that come with Node. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly minVersion?: '1.2' | '1.3' | undefined;
}

export interface HttpProxy {
  readonly url: string;
  /** Basic (RFC 7617); `password` is a reference. */
  readonly auth?: { readonly username: string; readonly password: string } | undefined;
}

export interface ConnectionPlan {
  readonly tls?: HttpTls | undefined;
  readonly proxy?: HttpProxy | undefined;
  /** TCP, TLS and the tunnel through a proxy. */
  readonly connectMs: number;
  /** Connections at a time [no limit]. */
  readonly connections?: number | undefined;
  readonly readSecret: SecretReader;
  /** Told once of renewed files that cannot be used: what was read before goes on. */
  readonly warn?: ((reason: string) => void) | undefined;
}

/** `server`: trusts `tls.ca` alone, if there is one. `tokens`: the authorities that come with Node too, for an identity provider elsewhere. */
export interface Connections {
  readonly server: Dispatcher;
  readonly tokens: Dispatcher;
}

const KEEP_ALIVE_MS = 4_000;
/** Certificates and keys come as files that are replaced one after the other; they are compared so often, when something is to be sent. */
const LOOK_AGAIN_MS = 5_000;

interface Material {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly proxyPassword?: string;
}

export class RenewedConnections {
  readonly #plan: ConnectionPlan;
  readonly #now: () => number;
  #material: Material;
  #current: Connections;
  #lookedAt: number;
  #wrong: { readonly reason: string; told: boolean } | undefined;
  readonly #retiring = new Set<Connections>();

  /** Throws TransientError when a file cannot be read or used. */
  static async open(plan: ConnectionPlan, now: () => number): Promise<RenewedConnections> {
    const material = await readMaterial(plan);
    assertUsable(material);
    return new RenewedConnections(plan, material, now);
  }

  private constructor(plan: ConnectionPlan, material: Material, now: () => number) {
    this.#plan = plan;
    this.#now = now;
    this.#material = material;
    this.#current = connectionsOf(plan, material);
    this.#lookedAt = now();
  }

  /** With what the files hold now, as seen at most 5 s ago. Requests that are under way end on the connections they began on. */
  async current(): Promise<Connections> {
    if (this.#now() - this.#lookedAt >= LOOK_AGAIN_MS) {
      this.#lookedAt = this.#now();
      await this.#look();
    }
    return this.#current;
  }

  async destroy(): Promise<void> {
    await Promise.all([this.#current, ...this.#retiring].flatMap(({ server, tokens }) => [server.destroy(), tokens.destroy()]));
  }

  async #look(): Promise<void> {
    try {
      const material = await readMaterial(this.#plan);
      if (JSON.stringify(material) !== JSON.stringify(this.#material)) this.#renew(material);
      this.#wrong = undefined;
    } catch (error) {
      this.#tell(describeError(error));
    }
  }

  /** At the second look: the first may have met files of which one is replaced and the other is not yet. */
  #tell(reason: string): void {
    if (this.#wrong?.reason !== reason) this.#wrong = { reason, told: false };
    else if (!this.#wrong.told) {
      this.#plan.warn?.(`${reason}; what was read before is used on`);
      this.#wrong.told = true;
    }
  }

  #renew(material: Material): void {
    assertUsable(material);
    const before = this.#current;
    this.#material = material;
    this.#current = connectionsOf(this.#plan, material);
    this.#retiring.add(before);
    void Promise.all([before.server.close(), before.tokens.close()]).finally(() => this.#retiring.delete(before));
  }
}

async function readMaterial({ tls, proxy, readSecret }: ConnectionPlan): Promise<Material> {
  const references = { ca: tls?.ca, cert: tls?.cert, key: tls?.key, proxyPassword: proxy?.auth?.password };
  const read = async ([name, reference]: [string, string | undefined]): Promise<[string, string][]> =>
    reference === undefined ? [] : [[name, await readSecret(reference)]];
  return Object.fromEntries((await Promise.all(Object.entries(references).map(read))).flat()) as Material;
}

function assertUsable({ ca, cert, key }: Material): void {
  if (ca === undefined && cert === undefined) return;
  try {
    createSecureContext({ ca, cert, key });
  } catch (error) {
    // OpenSSL's words name what is wrong (no start line, key values mismatch), never a value.
    throw new TransientError('the certificate authorities, or certificate and key, cannot be used', { cause: error });
  }
}

function connectionsOf(plan: ConnectionPlan, { proxyPassword, ...files }: Material): Connections {
  const tls = { ...files, minVersion: `TLSv${plan.tls?.minVersion ?? '1.2'}` as const };
  const wider = files.ca === undefined ? tls : { ...tls, ca: [...rootCertificates, files.ca] };
  const proxy = plan.proxy && { url: plan.proxy.url, tls: { ca: wider.ca }, authorization: proxyAuthorization(plan.proxy, proxyPassword) };
  return { server: dispatcherOf(plan, tls, proxy), tokens: dispatcherOf(plan, wider, proxy) };
}

function proxyAuthorization({ auth }: HttpProxy, password: string | undefined): string | undefined {
  if (auth === undefined) return undefined;
  return `Basic ${Buffer.from(`${auth.username}:${password}`, 'utf8').toString('base64')}`;
}

type TlsOptions = { ca?: string | string[]; cert?: string; key?: string; minVersion?: 'TLSv1.2' | 'TLSv1.3' };

interface ProxyPlan {
  readonly url: string;
  readonly tls: TlsOptions;
  readonly authorization: string | undefined;
}

function dispatcherOf({ connectMs, connections }: ConnectionPlan, tls: TlsOptions, proxy: ProxyPlan | undefined): Dispatcher {
  const limits = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    connections: connections ?? null,
    // One request a connection at a time, with HTTP/2 too: a large body must not hold up another's answer, and over a long way several
    // connections carry more than one.
    pipelining: 1,
    maxConcurrentStreams: 1,
    allowH2: true,
  };
  if (proxy === undefined) return new Agent({ ...limits, connect: { timeout: connectMs, ...tls } });
  const { url, authorization } = proxy;
  return new ProxyAgent({
    ...limits,
    uri: url,
    ...(authorization === undefined ? {} : { token: authorization }),
    requestTls: { timeout: connectMs, allowH2: true, ...tls },
    proxyTls: { timeout: connectMs, allowH2: false, ...proxy.tls },
    // Otherwise a proxy that takes the connection and says nothing to CONNECT is waited for 300 s.
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: connectMs }),
  });
}
