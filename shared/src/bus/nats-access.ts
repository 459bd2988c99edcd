// Which NATS servers there are, and how a client proves who it is. What comes from files is read anew for each connection, so that certificates and passwords change without a restart.
import { readFileSync } from 'node:fs';
import { type Authenticator, type TlsOptions, usernamePasswordAuthenticator } from '@nats-io/transport-node';
import type { ServiceEnvironment } from '../config/service-environment.ts';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export interface NatsAccess {
  /** nats://host:port or tls://host:port, several with commas between. */
  readonly url: string;
  readonly user?: string;
  readonly password?: string;
  /** A file that holds the password instead; line breaks at its end do not count. */
  readonly passwordFile?: string;
  /** PEM files: authority of the servers, own certificate and its key. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

export function natsAccess(environment: ServiceEnvironment): NatsAccess {
  return {
    url: environment.CAUSEWAY_NATS_URL,
    user: environment.CAUSEWAY_NATS_USER,
    password: environment.CAUSEWAY_NATS_PASSWORD,
    passwordFile: environment.CAUSEWAY_NATS_PASSWORD_FILE,
    caFile: environment.CAUSEWAY_NATS_CA,
    certFile: environment.CAUSEWAY_NATS_CERT,
    keyFile: environment.CAUSEWAY_NATS_KEY,
  };
}

export interface AccessOptions {
  readonly servers: string[];
  readonly tls?: TlsOptions;
  readonly reconnectJitterTLS: number;
  readonly authenticator?: Authenticator;
}

/** The client would wait up to a second more before it connects again by TLS; an image is waiting. */
const RECONNECT_JITTER_MS = 100;

/** What the client of NATS makes of it. Host names belong into certificates: one that is reached by address is not recognized by the client. */
export function accessOptions(access: NatsAccess, log: Logger): AccessOptions {
  const servers = access.url.split(',');
  const { caFile, certFile, keyFile } = access;
  // Said to the client, it refuses a server without TLS: nobody in between can talk it out of it.
  const encrypted = servers.some((server) => server.startsWith('tls://')) || caFile !== undefined || certFile !== undefined;
  return {
    servers,
    ...(encrypted ? { tls: { caFile, certFile, keyFile } } : {}),
    reconnectJitterTLS: RECONNECT_JITTER_MS,
    ...(access.user === undefined ? {} : { authenticator: usernamePasswordAuthenticator(access.user, passwordReader(access, log)) }),
  };
}

/** A file that is away for a moment, while it is replaced, gives what was in it before: an error here would close the connection for ever. */
function passwordReader({ password = '', passwordFile }: NatsAccess, log: Logger): () => string {
  if (passwordFile === undefined) return () => password;
  let last = '';
  return () => {
    try {
      last = readFileSync(passwordFile, 'utf8').replace(/[\r\n]+$/, '');
    } catch (error) {
      log.warn({ reason: describeError(error) }, 'nats: the password file cannot be read');
    }
    return last;
  };
}
