// The listeners of an SCP and what all its associations share: limits and draining.
import { createServer, type Server, type Socket } from 'node:net';
import type { Peer, RejectAnswer } from '../upper-layer/association.ts';
import { readIntoTwoBuffers } from '../upper-layer/two-buffer-socket.ts';
import type { ListenOptions, Scp, ScpOptions } from './scp.ts';
import { type AssociationHost, ScpAssociation } from './scp-association.ts';
import { TlsGate } from './tls-gate.ts';

/** A peer that vanished without a word is noticed by TCP in about 12 minutes with Linux defaults, long before a shift ends. */
const KEEP_ALIVE_MS = 60_000;
/** Connections without an association yet, or closing: as many again as associations, and some for a small limit. */
const SPARE_CONNECTIONS = 32;
/** What a last PDU may take to leave when the listeners close. */
const FAREWELL_MS = 1000;

export class ScpServer implements Scp, AssociationHost {
  readonly options: ScpOptions;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #associations = new Set<ScpAssociation>();
  readonly #open = new Set<ScpAssociation>();
  readonly #openBySource = new Map<string, number>();
  #isDraining = false;
  readonly #idleWaiters = new Set<() => void>();

  constructor(options: ScpOptions) {
    this.options = options;
  }

  get openAssociations(): number {
    return this.#open.size;
  }

  async listen(listener: ListenOptions): Promise<{ port: number }> {
    const admit = this.#admission(listener);
    // Half-open: the end of the peer's data is then an event of the state table, not the end of our answer. Not with TLS: a peer that leaves
    // during the handshake would be noticed at its timeout only.
    const allowHalfOpen = listener.tls === undefined;
    const server = createServer(
      { allowHalfOpen, pauseOnConnect: listener.tls === undefined, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS },
      admit,
    );
    const { host, port, reusePort = false } = listener;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, reusePort }, resolve);
    });
    server.removeAllListeners('error');
    server.on('error', (error) => this.options.report({ kind: 'listener-error', source: listener.id, detail: error.message }));
    this.#servers.push(server);
    const address = server.address();
    return { port: typeof address === 'object' && address !== null ? address.port : port };
  }

  async drain(graceMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#open.size > 0) await this.#idleOrAfter(graceMs);
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const association of this.#open) association.abort({ kind: 'aborted-by-us', detail: 'shutting down' });
    for (const association of this.#associations) association.leave();
    const farewell = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, FAREWELL_MS);
    await Promise.all(closed);
    clearTimeout(farewell);
  }

  refusalFor(source: string): RejectAnswer | undefined {
    const limits = this.options.limits();
    if (this.#isDraining) return { result: 2, source: 3, reason: 1, because: 'shutting down' };
    if (this.#open.size >= limits.associations) {
      return { result: 2, source: 3, reason: 2, because: `${this.#open.size} associations are open, the limit is ${limits.associations}` };
    }
    const fromSource = this.#openBySource.get(source) ?? 0;
    if (fromSource >= limits.associationsPerSource) {
      return {
        result: 2,
        source: 3,
        reason: 2,
        because: `${fromSource} associations are open from there, the limit is ${limits.associationsPerSource}`,
      };
    }
    return undefined;
  }

  associationOpened(association: ScpAssociation): void {
    this.#open.add(association);
    const source = association.peer.address;
    this.#openBySource.set(source, (this.#openBySource.get(source) ?? 0) + 1);
  }

  associationOver(association: ScpAssociation): void {
    if (!this.#open.delete(association)) return;
    const source = association.peer.address;
    const left = (this.#openBySource.get(source) ?? 1) - 1;
    if (left === 0) this.#openBySource.delete(source);
    else this.#openBySource.set(source, left);
    if (this.#open.size === 0) for (const idle of this.#idleWaiters) idle();
  }

  connectionClosed(association: ScpAssociation): void {
    this.#associations.delete(association);
  }

  async #idleOrAfter(graceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#idleWaiters.add(resolve);
    const grace = setTimeout(resolve, graceMs);
    await promise;
    clearTimeout(grace);
    this.#idleWaiters.delete(resolve);
  }

  /** What a listener does with a connection: count it, and let it in, through TLS or not. */
  #admission(listener: ListenOptions): (socket: Socket) => void {
    const gate = listener.tls === undefined ? undefined : this.#tlsGate(listener.id, listener.tls);
    return (accepted) => {
      const socket = gate === undefined ? readIntoTwoBuffers(accepted) : accepted;
      if (!this.#counts(socket)) return;
      if (gate === undefined) this.#associations.add(new ScpAssociation(this, socket, peerOf(socket, listener.id)));
      else gate.admit(socket);
    };
  }

  #tlsGate(listenerId: string, tls: NonNullable<ListenOptions['tls']>): TlsGate {
    return new TlsGate({
      tls,
      timeoutMs: () => this.options.limits().artimMs,
      secured: (socket, facts) => this.#associations.add(new ScpAssociation(this, socket, { ...peerOf(socket, listenerId), tls: facts })),
      report: (kind, source, detail) => this.options.report({ kind, source, detail }),
    });
  }

  /** False: one too many, and closed already. Without this bound, silent connections could use up our file descriptors for as long as ARTIM runs. */
  #counts(socket: Socket): boolean {
    const limit = this.options.limits().associations * 2 + SPARE_CONNECTIONS;
    if (this.#sockets.size >= limit) {
      this.options.report({ kind: 'connections-exceeded', source: peerOf(socket, '').address, detail: `${limit} connections are open` });
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return false;
    }
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return true;
  }
}

function peerOf(socket: Socket, listener: string): Peer {
  return { address: (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, ''), port: socket.remotePort ?? 0, listener };
}
