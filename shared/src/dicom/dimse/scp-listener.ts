// One listening port: what a connection passes before it is an association (a place, the PROXY protocol, TLS).
import { createServer, type Server, type Socket } from 'node:net';
import type { Peer } from '../upper-layer/association.ts';
import { readIntoShared } from '../upper-layer/shared-buffer-socket.ts';
import { readThroughProxyHeader } from './proxy-gate.ts';
import type { ListenerSettings, ListenOptions, OpenListener, ScpEvent, ScpEventKind } from './scp.ts';
import { TlsGate } from './tls-gate.ts';

/** A peer that vanished without a word is noticed by TCP in about 12 minutes with Linux defaults, long before a shift ends. */
const KEEP_ALIVE_MS = 60_000;
/** Other processes on the port may keep connections coming for ever: enough for a whole backlog. */
const MOST_LAST_TURNS = 4096;
/** Of a turn that did nothing else. */
const SHORT_TURN_MS = 0.1;

/** What the listeners of one SCP share. */
export interface ListenerHost {
  readonly artimMs: () => number;
  /** What all connections without TLS read into, one after the other. */
  readonly readBuffer: Buffer;
  /** False: one connection too many. `isBalancer`: whose it is comes later. */
  counts(socket: Socket, peer: Peer, isBalancer: boolean): boolean;
  admit(socket: Socket, peer: Peer): void;
  report(event: ScpEvent): void;
}

export class ScpListener implements OpenListener {
  readonly isShared: boolean;
  readonly #host: ListenerHost;
  readonly #server: Server;
  #settings: ListenerSettings;
  #tlsGate: TlsGate | undefined;
  #accepted = 0;
  #closing: Promise<void> | undefined;

  /** Listens when it resolves. */
  static async open(options: ListenOptions, host: ListenerHost): Promise<ScpListener> {
    const listener = new ScpListener(options, host);
    await listener.#listen(options);
    return listener;
  }

  private constructor(options: ListenOptions, host: ListenerHost) {
    this.#host = host;
    this.#settings = options;
    this.isShared = options.reusePort ?? false;
    this.#tlsGate = this.#gateFor(options);
    // Half-open: the end of the peer's data is then an event of the state table, not the end of our answer.
    const options_ = { allowHalfOpen: true, pauseOnConnect: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
    this.#server = createServer(options_, (socket) => this.#accept(socket));
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  change(settings: ListenerSettings): void {
    this.#tlsGate = this.#gateFor(settings);
    this.#settings = settings;
  }

  /** Resolves when the port is closed; associations go on. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #listen({ host, port, reusePort = false }: ListenOptions): Promise<void> {
    const server = this.#server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, reusePort }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', (error) => {
      const { id } = this.#settings;
      this.#host.report({ kind: 'listener-error', source: id, listener: id, detail: error.message });
    });
  }

  /**
   * Connections that the kernel has taken and nobody accepted are reset by the close of their socket. Each turn of the event loop accepts one
   * that waits: a turn without one says that none is left.
   */
  async #close(): Promise<void> {
    await nextTurn();
    for (let turn = 0; turn < MOST_LAST_TURNS; turn++) {
      const [accepted, beganAt] = [this.#accepted, performance.now()];
      await nextTurn();
      if (this.#accepted === accepted && performance.now() - beganAt < SHORT_TURN_MS) break;
    }
    this.#server.close();
  }

  #gateFor({ tls }: ListenerSettings): TlsGate | undefined {
    if (tls === undefined) return undefined;
    return new TlsGate({
      tls,
      timeoutMs: this.#host.artimMs,
      secured: (socket, peer) => this.#host.admit(socket, peer),
      report: (kind, peer, detail) => this.#report(kind, peer, detail),
    });
  }

  #accept(accepted: Socket): void {
    this.#accepted++;
    const gate = this.#tlsGate;
    const socket = gate === undefined ? readIntoShared(accepted, this.#host.readBuffer) : accepted;
    // With TLS a peer that leaves during the handshake would be noticed at its timeout only.
    if (gate !== undefined) socket.allowHalfOpen = false;
    const peer = peerOf(socket, this.#settings.id);
    const { proxyProtocol = false } = this.#settings;
    if (!this.#host.counts(socket, peer, proxyProtocol)) return;
    if (proxyProtocol) this.#behindBalancer(socket, peer, gate);
    else this.#admit(socket, peer, gate);
  }

  #behindBalancer(socket: Socket, balancer: Peer, gate: TlsGate | undefined): void {
    readThroughProxyHeader(socket, {
      timeoutMs: this.#host.artimMs(),
      passed: (peer) => this.#admit(socket, peer === undefined ? balancer : { ...balancer, ...peer, balancer: balancer.address }, gate),
      refused: (detail) => this.#report('proxy-header-refused', balancer, detail),
    });
  }

  #admit(socket: Socket, peer: Peer, gate: TlsGate | undefined): void {
    if (gate === undefined) this.#host.admit(socket, peer);
    else gate.admit(socket, peer);
  }

  #report(kind: ScpEventKind, { address: source, listener, balancer }: Peer, detail: string): void {
    this.#host.report({ kind, source, listener, ...(balancer === undefined ? {} : { balancer }), detail });
  }
}

function peerOf(socket: Socket, listener: string): Peer {
  return { address: (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, ''), port: socket.remotePort ?? 0, listener };
}

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
