// One request to an archive under test and its answer, over HTTP/1.1 or HTTP/2.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import type { Exchange, Received } from './archive-faults.ts';

export type Request = IncomingMessage | Http2ServerRequest;
export type Response = ServerResponse | Http2ServerResponse;

export interface ExchangeEnds {
  readonly request: Request;
  readonly response: Response;
  readonly store: Exchange['store'];
  /** Told of the parts when all have arrived; may throw. */
  readonly received: (parts: readonly Received[]) => void;
}

export class HttpExchange implements Exchange {
  parts: Received[] = [];
  readonly store: (parts: readonly Received[]) => void;
  readonly #request: Request;
  readonly #response: Response;
  readonly #received: (parts: readonly Received[]) => void;
  readonly #body: AsyncIterator<Buffer>;
  readonly #ahead: Buffer[] = [];

  constructor({ request, response, store, received }: ExchangeEnds) {
    this.#request = request;
    this.#response = response;
    this.store = store;
    this.#received = received;
    this.#body = (request as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  async receive(): Promise<Received[]> {
    for await (const part of readMultipart(this.#chunks(), this.#request.headers['content-type']!)) {
      const file = Buffer.concat(await Array.fromAsync(part.body));
      const { meta, dataSetOffset } = parseFileMeta(file)!;
      const digest = createHash('sha256').update(file.subarray(dataSetOffset)).digest('hex');
      this.parts.push({ sopInstanceUid: meta.sopInstanceUid, transferSyntaxUid: meta.transferSyntaxUid, file, digest });
    }
    this.#received(this.parts);
    return this.parts;
  }

  async read(bytes: number): Promise<void> {
    for (let read = 0; read < bytes; ) {
      const { value, done } = await this.#body.next();
      if (done) return;
      read += value.length;
      this.#ahead.push(value);
    }
  }

  async *#chunks(): AsyncGenerator<Buffer> {
    yield* this.#ahead;
    for (let next = await this.#body.next(); !next.done; next = await this.#body.next()) yield next.value;
  }

  answer(status: number, said: { stored: readonly Received[]; failed?: readonly Received[]; reason?: number }): void {
    const items = (parts: readonly Received[], more = {}) => ({
      vr: 'SQ',
      Value: parts.map(({ sopInstanceUid }) => ({ '00081155': { vr: 'UI', Value: [sopInstanceUid] }, ...more })),
    });
    const failed = said.failed === undefined ? {} : { '00081198': items(said.failed, { '00081197': { vr: 'US', Value: [said.reason] } }) };
    const body = JSON.stringify({ '00081199': items(said.stored), ...failed });
    this.respond(status, { 'content-type': 'application/dicom+json' }, body);
  }

  respond(status: number, headers: Record<string, string>, body: string): void {
    respond(this.#response, { status, headers, body });
  }

  async breakOff(status: number, body: string): Promise<void> {
    const response = this.#response as ServerResponse;
    response.writeHead(status, { 'content-type': 'application/dicom+json', 'content-length': String(body.length) });
    await new Promise((resolve) => response.write(body.slice(0, body.length / 2), resolve));
    this.cut();
  }

  cut(): void {
    cut(this.#request);
  }
}

/** The connection, whatever else is on it. */
export function cut(request: Request): void {
  if ('stream' in request) request.stream.session?.destroy();
  else request.socket.destroy();
}

export interface Reply {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string | Buffer;
}

export function respond(response: Response, { status, headers = {}, body = '' }: Reply): void {
  (response as ServerResponse).writeHead(status, headers).end(body);
}
