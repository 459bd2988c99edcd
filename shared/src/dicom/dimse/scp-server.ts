// The listeners of an SCP and what all its associations share: limits and draining.
import { createServer, type Server, type Socket } from 'node:net';
import type { Peer, RejectAnswer } from '../upper-layer/association.ts';
import type { ListenOptions, Scp, ScpOptions } from './scp.ts';
import { type AssociationHost, ScpAssociation } from './scp-association.ts';
import { TlsGate } from './tls-gate.ts';

/** A peer that vanished without a word is noticed by TCP in about 12 minutes with Linux defaults, long before a shift ends. */
const KEEP_ALIVE_MS = 60_000;
/** Connections without an association yet, or closing: as many again as associations, and some for a small limit. */
const SPARE_CONNECTIONS = 32;

export class ScpServer implements Scp, AssociationHost {
  readonly options: ScpOptions;
  readonly #servers: Server[] = [];
  readonly #connections = new Set<ScpAssociation>();
  readonly #open = new Set<ScpAssociation>();
  readonly #openBySource = new Map<string, number>();
  #isDraining = false;
  #whenIdle: (() => void) | undefined;

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
    const server = createServer({ allowHalfOpen, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, admit);
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
    const idle = new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
    const grace = setTimeout(() => this.#whenIdle?.(), graceMs);
    if (this.#open.size > 0) await idle;
    clearTimeout(grace);
    const closed = this.#servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const association of this.#open) association.abort({ kind: 'aborted-by-us', detail: 'shutting down' });
    for (const association of this.#connections) association.leave();
    await Promise.all(closed);
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
    if (this.#open.size === 0) this.#whenIdle?.();
  }

  connectionClosed(association: ScpAssociation): void {
    this.#connections.delete(association);
  }

  #admission(listener: ListenOptions): (socket: Socket) => void {
    if (listener.tls === undefined) return (socket) => this.#admit(socket, peerOf(socket, listener.id));
    const gate = new TlsGate({
      tls: listener.tls,
      timeoutMs: () => this.options.limits().artimMs,
      secured: (socket, tls) => this.#admit(socket, { ...peerOf(socket, listener.id), tls }),
      report: (kind, source, detail) => this.options.report({ kind, source, detail }),
    });
    return (socket) => gate.admit(socket);
  }

  #admit(socket: Socket, peer: Peer): void {
    const limit = this.options.limits().associations * 2 + SPARE_CONNECTIONS;
    if (this.#connections.size >= limit) {
      this.options.report({ kind: 'connections-exceeded', source: peer.address, detail: `${limit} connections are open` });
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return;
    }
    this.#connections.add(new ScpAssociation(this, socket, peer));
  }
}

function peerOf(socket: Socket, listener: string): Peer {
  return { address: (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, ''), port: socket.remotePort ?? 0, listener };
}
