// A proxy before an S3 server that does to chosen requests what networks and servers do on bad days.
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Transform } from 'node:stream';

export type Fault =
  /** Answered by the proxy; the server never sees it. `body` [an S3 error of that code]. */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string }
  /** Read to its end, and never answered. */
  | { readonly kind: 'silent' }
  /** The connection is reset after so many bytes of the request's body have come. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** The server does all of it, and the connection is reset instead of its answer. */
  | { readonly kind: 'lose-answer' }
  /** One byte of the request's body is changed on its way. */
  | { readonly kind: 'alter' }
  /** The request's body goes on at this rate. */
  | { readonly kind: 'trickle'; readonly bytesPerSecond: number }
  /** The connection is reset after so many bytes of the answer's body. */
  | { readonly kind: 'cut-answer'; readonly afterBytes: number }
  /** The answer stops after so many bytes, and the connection stays. */
  | { readonly kind: 'stall-answer'; readonly afterBytes: number };

export interface Rule {
  /** Of "PUT /bucket/key?query". */
  readonly matching: RegExp;
  readonly fault: Fault;
  /** Of the matching requests, how many; the others pass [all]. */
  readonly times?: number;
}

export interface S3FaultProxy {
  readonly endpoint: string;
  /** Each request as "PUT /bucket/key?query", in the order of arrival. */
  readonly requests: string[];
  /** Connections of clients that are open now. */
  openConnections(): number;
  /** From now on; without rules everything passes. */
  behave(...rules: Rule[]): void;
  /** Connections are refused until `listen`. */
  refuse(): Promise<void>;
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** `at`: address of the proxy and of the server, and the port of the proxy [the loopback, a free one]. */
export async function startS3FaultProxy(serverPort: number, at: { address?: string; port?: number } = {}): Promise<S3FaultProxy> {
  const proxy = new FaultProxy(serverPort, at);
  await proxy.listen();
  return proxy;
}

class FaultProxy implements S3FaultProxy {
  readonly requests: string[] = [];
  readonly #serverPort: number;
  readonly #address: string;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #port: number;
  #rules: { rule: Rule; left: number }[] = [];

  constructor(serverPort: number, { address = '127.0.0.1', port = 0 }: { address?: string; port?: number }) {
    this.#serverPort = serverPort;
    this.#address = address;
    this.#port = port;
  }

  get endpoint(): string {
    return `http://${this.#address}:${this.#port}`;
  }

  openConnections(): number {
    return this.#sockets.size;
  }

  behave(...rules: Rule[]): void {
    this.#rules = rules.map((rule) => ({ rule, left: rule.times ?? Number.POSITIVE_INFINITY }));
  }

  async listen(): Promise<void> {
    const server = createServer({ requestTimeout: 0, headersTimeout: 0 }, (incoming, answer) => this.#take(incoming, answer));
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, this.#address, resolve));
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
  }

  async refuse(): Promise<void> {
    const closed = new Promise((resolve) => this.#server!.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  close(): Promise<void> {
    return this.#server?.listening ? this.refuse() : Promise.resolve();
  }

  #take(incoming: IncomingMessage, answer: ServerResponse): void {
    const line = `${incoming.method} ${incoming.url}`;
    this.requests.push(line);
    const found = this.#rules.find(({ rule, left }) => left > 0 && rule.matching.test(line));
    if (found) found.left--;
    incoming.on('error', () => {});
    answer.on('error', () => {});
    const fault = found?.rule.fault;
    if (fault?.kind === 'silent') return void incoming.resume();
    if (fault?.kind === 'answer') return void answerWith(fault, incoming, answer);
    this.#forward(incoming, answer, fault);
  }

  #forward(incoming: IncomingMessage, answer: ServerResponse, fault: Fault | undefined): void {
    const { method, url: path, headers } = incoming;
    const outgoing = request({ host: this.#address, port: this.#serverPort, method, path, headers, agent: false }, (response) => {
      if (fault?.kind === 'lose-answer') return void response.resume().once('end', () => incoming.socket.resetAndDestroy());
      answer.writeHead(response.statusCode!, response.headers);
      response.on('error', () => incoming.socket.resetAndDestroy());
      passAnswer(response, answer, fault);
    });
    outgoing.on('error', () => incoming.socket.resetAndDestroy());
    answer.once('close', () => outgoing.destroy());
    const body = onTheWay(fault, incoming.socket);
    if (body) incoming.pipe(body).pipe(outgoing);
    else incoming.pipe(outgoing);
  }
}

function answerWith({ status, code }: { status: number; code: string }, incoming: IncomingMessage, answer: ServerResponse): void {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>by the proxy</Message></Error>`;
  incoming.resume().once('end', () => {
    answer.writeHead(status, { 'content-type': 'application/xml', 'content-length': Buffer.byteLength(body) });
    answer.end(incoming.method === 'HEAD' ? undefined : body);
  });
}

/** What becomes of the request's body; undefined: nothing. */
function onTheWay(fault: Fault | undefined, socket: Socket): Transform | undefined {
  let count = 0;
  if (fault?.kind === 'alter') return through((chunk) => (count++ === 0 ? altered(chunk) : chunk));
  if (fault?.kind === 'reset')
    return through((chunk) => {
      count += chunk.length;
      if (count > fault.afterBytes) socket.resetAndDestroy();
      return chunk;
    });
  if (fault?.kind !== 'trickle') return undefined;
  return new Transform({
    transform: (chunk: Buffer, _, done) => void setTimeout(() => done(null, chunk), (chunk.length / fault.bytesPerSecond) * 1_000),
  });
}

const through = (change: (chunk: Buffer) => Buffer): Transform =>
  new Transform({ transform: (chunk: Buffer, _, done) => done(null, change(chunk)) });

function altered(chunk: Buffer): Buffer {
  const copy = Buffer.from(chunk);
  copy[copy.length - 1]! ^= 0x01;
  return copy;
}

function passAnswer(response: IncomingMessage, answer: ServerResponse, fault: Fault | undefined): void {
  if (fault?.kind !== 'cut-answer' && fault?.kind !== 'stall-answer') return void response.pipe(answer);
  let left = fault.afterBytes;
  response.on('data', (chunk: Buffer) => {
    if (left > 0) answer.write(chunk.subarray(0, left));
    left -= chunk.length;
    if (left > 0) return;
    response.destroy();
    // What was written before leaves first.
    if (fault.kind === 'cut-answer') setTimeout(() => answer.socket?.resetAndDestroy(), 20);
  });
}
