// An SCP: its listeners, and what all its associations share: limits and draining.
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Peer, RejectAnswer } from '../upper-layer/association.ts';
import { newReadBuffer } from '../upper-layer/shared-buffer-socket.ts';
import type { ListenOptions, OpenListener, Scp, ScpEvent, ScpOptions } from './scp.ts';
import { type AssociationHost, ScpAssociation } from './scp-association.ts';
import { type ListenerHost, ScpListener } from './scp-listener.ts';
import { SourceCount } from './source-count.ts';

/** Connections without an association yet, or closing: as many again as associations, and some for a small limit. */
const SPARE_CONNECTIONS = 32;
/** What a last PDU may take to leave when the listeners close, and a connection accepted last to ask and be refused. */
const FAREWELL_MS = 1000;

export class ScpServer implements Scp, AssociationHost, ListenerHost {
  readonly options: ScpOptions;
  readonly #listeners = new Set<ScpListener>();
  readonly #sockets = new Set<Socket>();
  readonly #associations = new Set<ScpAssociation>();
  readonly #open = new Set<ScpAssociation>();
  readonly #openBySource = new SourceCount();
  readonly #socketsBySource = new SourceCount();
  #isDraining = false;
  readonly #idleWaiters = new Set<() => void>();
  readonly #emptyWaiters = new Set<() => void>();

  constructor(options: ScpOptions) {
    this.options = options;
  }

  get openAssociations(): number {
    return this.#open.size;
  }

  readonly artimMs = (): number => this.options.limits().artimMs;
  readonly readBuffer = newReadBuffer();

  async listen(options: ListenOptions): Promise<OpenListener> {
    const listener = await ScpListener.open(options, this);
    this.#listeners.add(listener);
    return {
      port: listener.port,
      change: (settings) => listener.change(settings),
      close: () => {
        this.#listeners.delete(listener);
        return listener.close();
      },
    };
  }

  async drain(graceMs: number, noticeMs = 0): Promise<void> {
    this.#isDraining = true;
    await this.#closeListeners((listener) => listener.isShared);
    const noticed = this.#listeners.size > 0 ? pause(Math.min(noticeMs, graceMs)) : undefined;
    if (this.#open.size > 0) await settledOrAfter(this.#idleWaiters, graceMs);
    await noticed;
    await this.#closeListeners(() => true);
    for (const association of this.#open) association.abort({ kind: 'aborted-by-us', detail: 'shutting down' });
    if (this.#sockets.size > 0) await settledOrAfter(this.#emptyWaiters, Math.min(graceMs, FAREWELL_MS));
    await this.#closeConnections();
  }

  refusalFor(source: string): RejectAnswer | undefined {
    const limits = this.options.limits();
    if (this.#isDraining) return { result: 2, source: 3, reason: 1, because: 'shutting down' };
    if (this.#open.size >= limits.associations) {
      const because = `${this.#open.size} associations are open, the limit is ${limits.associations} (associations)`;
      return { result: 2, source: 3, reason: 2, because, limit: 'associations' };
    }
    const fromSource = this.#openBySource.of(source);
    if (fromSource >= limits.associationsPerSource) {
      const because = `${fromSource} associations are open from there, the limit is ${limits.associationsPerSource} (associationsPerSource)`;
      return { result: 2, source: 3, reason: 2, because, limit: 'associationsPerSource' };
    }
    return undefined;
  }

  associationOpened(association: ScpAssociation): void {
    this.#open.add(association);
    this.#openBySource.add(association.peer.address);
  }

  associationOver(association: ScpAssociation): void {
    if (!this.#open.delete(association)) return;
    this.#openBySource.remove(association.peer.address);
    if (this.#open.size === 0) for (const idle of this.#idleWaiters) idle();
  }

  connectionClosed(association: ScpAssociation): void {
    this.#associations.delete(association);
  }

  admit(socket: Socket, peer: Peer): void {
    this.#associations.add(new ScpAssociation(this, socket, peer));
  }

  report(event: ScpEvent): void {
    this.options.report(event);
  }

  /**
   * False: one too many, and closed already. Without these bounds, silent connections could use up our file descriptors for as long as ARTIM runs, and those of
   * one source everybody's places. `isBalancer`: the address is that of a balancer, which brings connections of many.
   */
  counts(socket: Socket, { address: source, listener }: Peer, isBalancer: boolean): boolean {
    const { associations, associationsPerSource } = this.options.limits();
    const excess =
      excessOf({ found: this.#sockets.size, limit: 'associations', associations }, '') ??
      (isBalancer
        ? undefined
        : excessOf(
            { found: this.#socketsBySource.of(source), limit: 'associationsPerSource', associations: associationsPerSource },
            ' from there',
          ));
    if (excess !== undefined) {
      this.report({ kind: 'connections-exceeded', source, listener, ...excess });
      socket.on('error', () => socket.destroy());
      socket.destroy();
      return false;
    }
    this.#sockets.add(socket);
    this.#socketsBySource.add(source);
    socket.once('close', () => this.#closed(socket, source));
    return true;
  }

  #closed(socket: Socket, source: string): void {
    this.#sockets.delete(socket);
    this.#socketsBySource.remove(source);
    if (this.#sockets.size === 0) for (const empty of this.#emptyWaiters) empty();
  }

  async #closeListeners(which: (listener: ScpListener) => boolean): Promise<void> {
    await Promise.all([...this.#listeners].filter(which).map((listener) => listener.close()));
  }

  /** What is written still leaves, then everything is closed. */
  async #closeConnections(): Promise<void> {
    if (this.#sockets.size === 0) return;
    for (const association of this.#associations) association.leave();
    await settledOrAfter(this.#emptyWaiters, FAREWELL_MS);
    for (const socket of this.#sockets) socket.destroy();
    if (this.#sockets.size > 0) await settledOrAfter(this.#emptyWaiters, FAREWELL_MS);
  }
}

/** `associations`: how many the limit of that name allows. */
function excessOf({ found, limit, associations }: { found: number; limit: string; associations: number }, where: string) {
  const most = associations * 2 + SPARE_CONNECTIONS;
  return found < most ? undefined : { detail: `${most} connections are open${where}`, limit };
}

/** Resolves when one of the waiters is called, or after that time. */
async function settledOrAfter(waiters: Set<() => void>, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiters.add(resolve);
  const timer = setTimeout(resolve, ms);
  await promise;
  clearTimeout(timer);
  waiters.delete(resolve);
}
