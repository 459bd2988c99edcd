// Looks at the first byte on a TLS port before TLS does, so that a plain DICOM peer is recognised and reported (PS3.15 section B.12).
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { PDU_TYPE, TLS_HANDSHAKE } from '../upper-layer/pdu-fields.ts';
import { encodeAbort } from '../upper-layer/pdu-writer.ts';
import type { ListenOptions, ScpEventKind } from './scp.ts';

export interface TlsFacts {
  /** Distinguished name of a verified client certificate, most specific part first: `CN=...,O=...` (RFC 4514). */
  readonly subject?: string;
  readonly protocol?: string;
}

export interface TlsGateOptions {
  readonly tls: NonNullable<ListenOptions['tls']>;
  /** First byte and handshake, each. */
  readonly timeoutMs: () => number;
  readonly secured: (socket: TLSSocket, facts: TlsFacts) => void;
  readonly report: (kind: ScpEventKind, source: string, detail: string) => void;
}

export class TlsGate {
  readonly #options: TlsGateOptions;
  readonly #server: Server;

  constructor(options: TlsGateOptions) {
    this.#options = options;
    this.#server = createServer({ ...options.tls, handshakeTimeout: options.timeoutMs() });
    this.#server.on('secureConnection', (socket) => options.secured(socket, factsOf(socket)));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      options.report('tls-handshake-failed', addressOf(socket), error.code ?? error.message);
      socket.destroy();
    });
  }

  admit(socket: Socket): void {
    const timer = setTimeout(() => {
      this.#options.report('tls-handshake-failed', addressOf(socket), 'no ClientHello came');
      socket.destroy();
    }, this.#options.timeoutMs());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
    const leave = () => socket.destroy();
    socket.once('end', leave);
    socket.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      socket.off('end', leave);
      this.#look(socket, chunk);
    });
  }

  #look(socket: Socket, chunk: Buffer): void {
    if (chunk[0] === TLS_HANDSHAKE) {
      socket.pause();
      socket.unshift(chunk);
      this.#server.emit('connection', socket);
      return;
    }
    const what = chunk[0] === PDU_TYPE.associateRq ? 'a plain A-ASSOCIATE-RQ' : `byte 0x${chunk[0]?.toString(16)}`;
    this.#options.report('plain-on-tls-port', addressOf(socket), `${what} came instead of a TLS ClientHello`);
    socket.end(encodeAbort(2, 0), () => socket.destroy());
  }
}

function addressOf(socket: Socket): string {
  return (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '');
}

/** The subject of an unverified certificate is a claim, not a fact, and is left out. */
function factsOf(socket: TLSSocket): TlsFacts {
  const protocol = socket.getProtocol() ?? undefined;
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const subject = certificate?.subject?.split('\n').reverse().join(',');
  return { ...(subject === undefined ? {} : { subject }), ...(protocol === undefined ? {} : { protocol }) };
}
