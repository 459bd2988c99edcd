// Looks at the first byte on a TLS port before TLS does, so that a plain DICOM peer is recognised and reported (PS3.15 section B.12).
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Peer } from '../upper-layer/association.ts';
import { PDU_TYPE, TLS_HANDSHAKE } from '../upper-layer/pdu-fields.ts';
import { encodeAbort } from '../upper-layer/pdu-writer.ts';
import type { ListenerTls, ScpEventKind } from './scp.ts';
import { invalidClientCertificate, tlsFailure } from './tls-failures.ts';
import { TLS_PROFILE } from './tls-profile.ts';

export interface TlsFacts {
  /** Distinguished name of a verified client certificate, most specific part first: `CN=...,O=...` (RFC 4514). */
  readonly subject?: string;
  readonly protocol?: string;
}

export interface TlsGateOptions {
  readonly tls: ListenerTls;
  /** First byte and handshake, each. */
  readonly timeoutMs: () => number;
  readonly secured: (socket: TLSSocket, peer: Peer) => void;
  readonly report: (kind: ScpEventKind, peer: Peer, detail: string) => void;
}

/** One for each set of certificates: a listener that gets others gets another gate, and handshakes under way end with the old one. */
export class TlsGate {
  readonly #options: TlsGateOptions;
  readonly #server: Server;
  readonly #peers = new WeakMap<Socket, Peer>();

  constructor(options: TlsGateOptions) {
    this.#options = options;
    const { clientCert = 'none', ...material } = options.tls;
    this.#server = createServer({
      ...TLS_PROFILE,
      ...material,
      requestCert: clientCert !== 'none',
      rejectUnauthorized: clientCert === 'required',
      handshakeTimeout: options.timeoutMs(),
    });
    this.#server.on('secureConnection', (socket) => this.#secured(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => this.#failed(error, socket));
  }

  /** `socket` may be paused. A peer that says nothing and leaves, as the health check of a balancer does, is not reported. */
  admit(socket: Socket, peer: Peer): void {
    this.#peers.set(socket, peer);
    const timer = setTimeout(() => {
      this.#options.report('tls-handshake-failed', peer, `no TLS ClientHello came within ${this.#options.timeoutMs()} ms`);
      socket.destroy();
    }, this.#options.timeoutMs());
    socket.on('error', () => socket.destroy());
    socket.once('close', () => clearTimeout(timer));
    const leave = () => socket.destroy();
    socket.once('end', leave);
    socket.once('data', (chunk: Buffer) => {
      clearTimeout(timer);
      socket.off('end', leave);
      this.#look(socket, peer, chunk);
    });
    socket.resume();
  }

  #look(socket: Socket, peer: Peer, chunk: Buffer): void {
    if (chunk[0] === TLS_HANDSHAKE) {
      socket.pause();
      socket.unshift(chunk);
      this.#server.emit('connection', socket);
      return;
    }
    const what = chunk[0] === PDU_TYPE.associateRq ? 'a plain A-ASSOCIATE-RQ' : `byte 0x${chunk[0]?.toString(16).padStart(2, '0')}`;
    const todo = 'switch TLS on at the peer, or give it the port of a plain listener';
    this.#options.report('plain-on-tls-port', peer, `${what} came instead of a TLS ClientHello: ${todo}`);
    socket.end(encodeAbort(2, 0), () => socket.destroy());
  }

  #secured(socket: TLSSocket): void {
    const peer = this.#peerOf(socket);
    const certificate = socket.getPeerX509Certificate();
    if (certificate !== undefined && !socket.authorized && this.#options.tls.clientCert === 'optional') {
      const { kind, detail } = invalidClientCertificate(authorizationErrorOf(socket) ?? 'unknown');
      this.#options.report(kind, peer, `${detail} (taken as if it had given none)`);
    }
    this.#options.secured(socket, { ...peer, tls: factsOf(socket) });
  }

  #failed(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const { kind, detail } = tlsFailure(error.code, authorizationErrorOf(socket));
    this.#options.report(kind, this.#peerOf(socket), detail);
    socket.destroy();
  }

  /** Node keeps the connection below a TLS socket in `_parent`; without it the address of the socket itself is told. */
  #peerOf(socket: TLSSocket): Peer {
    const below = (socket as unknown as { _parent?: Socket })._parent;
    const peer = below === undefined ? undefined : this.#peers.get(below);
    return peer ?? { address: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0, listener: '' };
  }
}

/** Node's types say Error, Node gives the code. */
function authorizationErrorOf(socket: TLSSocket): string | undefined {
  const error: unknown = socket.authorizationError;
  return error === null || error === undefined ? undefined : String(error);
}

/** The subject of an unverified certificate is a claim, not a fact, and is left out. */
function factsOf(socket: TLSSocket): TlsFacts {
  const protocol = socket.getProtocol() ?? undefined;
  const certificate = socket.authorized ? socket.getPeerX509Certificate() : undefined;
  const subject = certificate?.subject?.split('\n').reverse().join(',');
  return { ...(subject === undefined ? {} : { subject }), ...(protocol === undefined ? {} : { protocol }) };
}
