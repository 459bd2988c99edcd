// A DICOMweb archive that goes wrong in turn, in every way of archive-faults.ts, and truly stores what it does not refuse: with STOW-RS, QIDO-RS, WADO-RS and tokens.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Server, Socket } from 'node:net';
import type { TestCertificate } from '@causeway/shared/dicomweb/certificate-for-tests';
import { cut, HttpExchange, type Request, type Response, respond } from './archive-exchange.ts';
import { type Ending, type Fault, MISLEADING, REQUEST_FAULTS, type Received, takeTruthfully } from './archive-faults.ts';

export interface FaultyArchiveOptions {
  /** In turn. Empty: it never goes wrong. */
  readonly faults: readonly Fault[];
  /** Over TLS, with HTTP/2: the certificate it should have, and the one of the fault `expired-certificate`. */
  readonly tls?: { readonly valid: TestCertificate; readonly expired: TestCertificate } | undefined;
  /** Wants OAuth2 tokens, which POST /token gives. */
  readonly tokens?: boolean;
  /** Requests that go well between two faults [4]. */
  readonly wellBetween?: number;
  /** Place of the fault that is the first one [0]. */
  readonly firstFault?: number;
}

/** What is on record of one SOP Instance UID. */
export interface ArchiveRecord {
  /** Of each data set that was stored, in order. */
  readonly digests: string[];
  /** Requests that brought it whole. */
  arrivals: number;
  /** Of these, requests that were answered truthfully with it as stored. */
  acknowledged: number;
  misled: number;
}

export interface FaultyArchive {
  /** Base URL of its DICOMweb service. */
  readonly url: string;
  readonly tokenUrl: string;
  readonly records: ReadonlyMap<string, ArchiveRecord>;
  /** Instances stored. */
  readonly stored: number;
  /** How often each fault was met. */
  readonly met: ReadonlyMap<Fault, number>;
  close(): Promise<void>;
}

/** Requests in a row that a fault lasts. */
const REQUESTS_EACH = 2;
/** How long a fault of the server lasts. */
const SERVER_FAULT_MS = 700;
/** Of misleading answers for one instance: a sender gives it up after five. */
const MOST_MISLED = 3;

export async function startFaultyArchive(options: FaultyArchiveOptions): Promise<FaultyArchive> {
  const archive = new RunningArchive(options);
  await archive.listen(0);
  return archive;
}

class RunningArchive implements FaultyArchive {
  readonly records = new Map<string, ArchiveRecord>();
  readonly met = new Map<Fault, number>();
  stored = 0;
  readonly #options: FaultyArchiveOptions;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #files = new Map<string, Received>();
  #port = 0;
  #requests = 0;
  #token = 1;
  #closed = false;

  constructor(options: FaultyArchiveOptions) {
    this.#options = options;
    const listener = (request: Request, response: Response): void => {
      this.#handle(request, response).catch(() => cut(request));
    };
    const { tls } = options;
    this.#server = tls === undefined ? createServer(listener) : createSecureServer({ ...pair(tls.valid), allowHTTP1: true }, listener);
    this.#server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.on('close', () => this.#open.delete(socket)).on('error', () => {});
    });
    this.#server.on('tlsClientError', () => {}).on('sessionError', () => {});
  }

  get url(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${this.#port}/dicom-web`;
  }

  get tokenUrl(): string {
    return this.url.replace('/dicom-web', '/token');
  }

  async listen(port: number): Promise<void> {
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cutAll();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #cutAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  async #handle(request: Request, response: Response): Promise<void> {
    const url = request.url!;
    const isKnown = !this.#options.tokens || request.headers.authorization === `Bearer t${this.#token}`;
    if (url === '/token') this.#giveToken(request, response);
    else if (!isKnown) refuse(request, response, 401);
    else if (request.method === 'POST') await this.#take(request, response);
    else this.#answerQuestion(url, response);
  }

  #answerQuestion(url: string, response: Response): void {
    const uid = /(?:SOPInstanceUID=|instances\/)([0-9.]+)/.exec(url)?.[1] ?? '';
    if (url.includes('?')) this.#find(uid, response);
    else this.#give(uid, response);
  }

  #giveToken(request: Request, response: Response): void {
    request.resume();
    const body = JSON.stringify({ access_token: `t${this.#token}`, expires_in: 3600 });
    respond(response, { status: 200, headers: { 'content-type': 'application/json' }, body });
  }

  #find(uid: string, response: Response): void {
    const found = this.#files.has(uid) ? [{ '00080018': { vr: 'UI', Value: [uid] } }] : [];
    respond(response, { status: 200, headers: { 'content-type': 'application/dicom+json' }, body: JSON.stringify(found) });
  }

  #give(uid: string, response: Response): void {
    const held = this.#files.get(uid);
    if (held === undefined) {
      respond(response, { status: 404 });
      return;
    }
    const head = Buffer.from('--b\r\nContent-Type: application/dicom\r\n\r\n');
    const type = 'multipart/related; type="application/dicom"; boundary=b';
    const body = Buffer.concat([head, held.file, Buffer.from('\r\n--b--')]);
    respond(response, { status: 200, headers: { 'content-type': type }, body });
  }

  async #take(request: Request, response: Response): Promise<void> {
    const fault = this.#nextFault();
    if (fault !== undefined && !(fault in REQUEST_FAULTS)) return this.#failAsServer(fault, request);
    const exchange = new HttpExchange({
      ...{ request, response, store: (parts) => this.#keep(parts) },
      received: (parts) => this.#wasMisled(fault, parts),
    });
    let ending: Ending = 'faulty';
    try {
      ending = await (fault === undefined ? takeTruthfully(exchange) : REQUEST_FAULTS[fault as keyof typeof REQUEST_FAULTS](exchange));
    } catch (error) {
      if (error !== TOO_OFTEN) throw error;
      this.#keep(exchange.parts);
      exchange.answer(200, { stored: exchange.parts });
      ending = 'truthful';
    }
    this.#note(exchange.parts, ending);
  }

  /** In turn: so many requests with a fault, then some that go well. */
  #nextFault(): Fault | undefined {
    const { faults, wellBetween = 4, firstFault = 0 } = this.#options;
    const round = REQUESTS_EACH + wellBetween;
    const place = this.#requests++;
    if (faults.length === 0 || place % round < wellBetween) return undefined;
    const fault = faults[(firstFault + Math.floor(place / round)) % faults.length]!;
    this.met.set(fault, (this.met.get(fault) ?? 0) + 1);
    return fault;
  }

  #failAsServer(fault: Fault, request: Request): void {
    if (fault === 'token-expired') this.#token += 1;
    else if (fault === 'refused') this.#refuseForAWhile();
    else if (fault === 'expired-certificate') this.#expireForAWhile();
    cut(request);
  }

  #refuseForAWhile(): void {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#cutAll();
    setTimeout(() => this.#closed || this.#server.listening || void this.listen(this.#port), SERVER_FAULT_MS);
  }

  #expireForAWhile(): void {
    const { valid, expired } = this.#options.tls!;
    const server = this.#server as Http2SecureServer;
    server.setSecureContext(pair(expired));
    this.#cutAll();
    setTimeout(() => server.setSecureContext(pair(valid)), SERVER_FAULT_MS);
  }

  #keep(parts: readonly Received[]): void {
    for (const part of parts) {
      const record = this.#recordOf(part);
      if (!this.#files.has(part.sopInstanceUid)) this.stored += 1;
      record.digests.push(part.digest);
      this.#files.set(part.sopInstanceUid, part);
    }
  }

  #wasMisled(fault: Fault | undefined, parts: readonly Received[]): void {
    if (fault === undefined || !MISLEADING.has(fault)) return;
    const records = parts.map((part) => this.#recordOf(part));
    if (records.some(({ misled }) => misled >= MOST_MISLED)) throw TOO_OFTEN;
    for (const record of records) record.misled += 1;
  }

  #note(parts: readonly Received[], ending: Ending): void {
    for (const part of parts) {
      const record = this.#recordOf(part);
      record.arrivals += 1;
      if (ending === 'truthful') record.acknowledged += 1;
    }
  }

  #recordOf({ sopInstanceUid }: Received): ArchiveRecord {
    const record = this.records.get(sopInstanceUid) ?? { digests: [], arrivals: 0, acknowledged: 0, misled: 0 };
    this.records.set(sopInstanceUid, record);
    return record;
  }
}

/** Thrown when a fault would mislead an instance once too often: the request goes well instead. */
const TOO_OFTEN = new Error('misled often enough');

const pair = ({ key, cert }: TestCertificate) => ({ key, cert });
function refuse(request: Request, response: Response, status: number): void {
  request.resume();
  request.on('end', () => respond(response, { status }));
}
