// Reads the PROXY protocol header of a connection before anything else does, and gives back what came behind it.
import type { Socket } from 'node:net';
import { PDU_TYPE, TLS_HANDSHAKE } from '../upper-layer/pdu-fields.ts';
import { encodeAbort } from '../upper-layer/pdu-writer.ts';
import { SharedBufferSocket } from '../upper-layer/shared-buffer-socket.ts';
import { type ProxiedPeer, readProxyHeader } from './proxy-header.ts';

export interface ProxyGateOptions {
  /** For the whole header. */
  readonly timeoutMs: number;
  /** The header was read. Whoever listens to the socket from then on gets what follows it. `peer`: undefined for the balancer's own connection. */
  readonly passed: (peer: ProxiedPeer | undefined) => void;
  /** The connection is closed. Never called for one that says nothing and leaves: so do health checks. */
  readonly refused: (detail: string) => void;
}

const EMPTY = Buffer.alloc(0);
const TODO = 'let the balancer send the header (HAProxy: send-proxy-v2), or set proxyProtocol: false for direct peers';

/** `socket` is paused. */
export function readThroughProxyHeader(socket: Socket, options: ProxyGateOptions): void {
  const gate = new ProxyGate(socket, options);
  if (socket instanceof SharedBufferSocket) gate.followChunks(socket);
  else gate.followStream();
  socket.resume();
}

class ProxyGate {
  readonly #socket: Socket;
  readonly #options: ProxyGateOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #ended = () => this.#left();
  #collected = EMPTY;
  #isRefused = false;

  constructor(socket: Socket, options: ProxyGateOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#timer = setTimeout(
      () => this.#refuse(`no PROXY protocol header came within ${options.timeoutMs} ms: ${TODO}`),
      options.timeoutMs,
    );
    socket.on('error', () => socket.destroy());
    socket.once('close', () => clearTimeout(this.#timer));
    socket.once('end', this.#ended);
  }

  followChunks(socket: SharedBufferSocket): void {
    socket.onChunk = (chunk) => {
      const header = this.#take(chunk);
      if (header === undefined) return;
      socket.onChunk = () => {};
      this.#pass(header.peer);
      if (header.rest.length > 0) socket.onChunk(header.rest);
    };
  }

  followStream(): void {
    const read = (chunk: Buffer): void => {
      const header = this.#take(chunk);
      if (header === undefined) return;
      this.#socket.off('data', read);
      this.#socket.pause();
      if (header.rest.length > 0) this.#socket.unshift(header.rest);
      this.#pass(header.peer);
      this.#socket.resume();
    };
    this.#socket.on('data', read);
  }

  /** The header once it is there; `rest` is the end of the chunk itself. */
  #take(chunk: Buffer): { peer: ProxiedPeer | undefined; rest: Buffer } | undefined {
    if (this.#isRefused) return undefined;
    const before = this.#collected.length;
    this.#collected = Buffer.concat([this.#collected, chunk]);
    const header = readProxyHeader(this.#collected);
    if (header.kind === 'complete') return { peer: header.peer, rest: chunk.subarray(header.bytes - before) };
    if (header.kind === 'invalid') this.#refuse(`${this.#seen(header.problem)}: ${TODO}`);
    return undefined;
  }

  #seen(problem: string): string {
    const first = this.#collected[0];
    if (first === PDU_TYPE.associateRq) return 'a plain A-ASSOCIATE-RQ came instead of a PROXY protocol header';
    return first === TLS_HANDSHAKE ? 'a TLS ClientHello came instead of a PROXY protocol header' : problem;
  }

  #pass(peer: ProxiedPeer | undefined): void {
    clearTimeout(this.#timer);
    this.#socket.off('end', this.#ended);
    this.#collected = EMPTY;
    this.#options.passed(peer);
  }

  #left(): void {
    if (this.#collected.length > 0) this.#options.refused('the connection ended in the middle of the PROXY protocol header');
    this.#socket.destroy();
  }

  #refuse(detail: string): void {
    this.#isRefused = true;
    clearTimeout(this.#timer);
    this.#socket.off('end', this.#ended);
    this.#options.refused(detail);
    // A peer that speaks DICOM is told in DICOM; anything else would not understand.
    if (this.#collected[0] === PDU_TYPE.associateRq) this.#socket.end(encodeAbort(2, 0), () => this.#socket.destroy());
    else this.#socket.destroy();
  }
}
