// One HTTP request and its answer, as the handlers of the sandbox see them.
import type { IncomingMessage, ServerResponse } from 'node:http';

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Parts of the path that the route names. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Of the DICOMweb service, for retrieve URLs. */
  readonly baseUrl: string;
}

/** An answer other than success; its message goes to the client, so it holds no patient attribute. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem';
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const DICOM_JSON = 'application/dicom+json';

export interface Answer {
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: Record<string, string>;
}

export function answerJson(response: ServerResponse, answer: Answer, body: unknown): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(answer.status, {
    ...answer.headers,
    'content-type': answer.contentType ?? 'application/json',
    'content-length': bytes.length,
  });
  response.end(bytes);
}

export function answerEmpty(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': 0 });
  response.end();
}

/** What is left of the request is read and dropped, so that the client hears the answer instead of a reset. */
export async function drainRequest(request: IncomingMessage): Promise<void> {
  for await (const _ of request);
}
