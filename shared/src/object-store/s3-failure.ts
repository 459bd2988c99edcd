// What a failed request to the S3 store means: whether the same request may be sent again, and whether the store may have done it all the same.
import { TransientError } from '../errors.ts';

export interface S3Failure {
  /** For a message: status and S3 code, or the code of the connection. Never a credential. */
  readonly words: string;
  /** HTTP status, where there was an answer. */
  readonly status: number | undefined;
  /** The S3 error code (NoSuchKey, SlowDown ...) or the code of the system (ECONNRESET ...). */
  readonly code: string;
  /** The same request may succeed when it is sent again. */
  readonly mayPass: boolean;
  /** The store may have done what it was asked for. */
  readonly mayBeDone: boolean;
}

/** Answers that are no refusal for good, beside all of 500 and more. BadDigest: the bytes were altered on the way. */
const PASSING_CODES = new Set([
  'RequestTimeout',
  'SlowDown',
  'BadDigest',
  'XAmzContentSHA256Mismatch',
  'IncompleteBody',
  'TooManyRequests',
]);
/** The connection was never made: the store has not seen the request. */
const NEVER_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
/** Wrong certificates do not become right within seconds. */
const CERTIFICATE = /^(ERR_TLS_|CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_SSL_)/;
const NOTHING_DONE_STATUS = 503;

/** `error`: what the client threw. `timedOut`: our own limit for one request ended it. */
export function s3Failure(error: unknown, timedOut: boolean): S3Failure {
  const { name, code, $metadata } = error as { name?: string; code?: string; $metadata?: { httpStatusCode?: number } };
  const status = $metadata?.httpStatusCode;
  if (timedOut) return { words: 'no answer in time', status: undefined, code: 'timeout', mayPass: true, mayBeDone: true };
  // A 200 whose body is an error (CompleteMultipartUpload, CopyObject) is reported by the client as 500, or under its name.
  if (status !== undefined) return answered(status, name ?? 'unknown');
  const reason = code ?? name ?? 'unknown';
  return {
    words: reason,
    status,
    code: reason,
    mayPass: !CERTIFICATE.test(reason),
    mayBeDone: !NEVER_SENT.has(reason) && !CERTIFICATE.test(reason),
  };
}

function answered(status: number, code: string): S3Failure {
  const mayPass = status >= 500 || status === 429 || status === 408 || status < 300 || PASSING_CODES.has(code);
  return { words: `${status} ${code}`, status, code, mayPass, mayBeDone: mayPass && status !== NOTHING_DONE_STATUS };
}

/** A request that failed for good; `failure` tells how. */
export class S3RequestFailed extends TransientError {
  readonly failure: S3Failure;
  /** One of the tries may have been carried out by the store. */
  readonly mayBeDone: boolean;
  constructor(what: string, options: { failure: S3Failure; tries: number; mayBeDone: boolean; cause: unknown }) {
    const { failure, tries, mayBeDone, cause } = options;
    super(`object store: ${what}: ${failure.words}${tries > 1 ? ` (${tries} tries)` : ''}`, { cause: withoutRequest(cause) });
    this.failure = failure;
    this.mayBeDone = mayBeDone;
  }
}

/** The client's errors carry the whole exchange, headers and signatures included: only name and message are kept. */
function withoutRequest(cause: unknown): Error | undefined {
  if (!(cause instanceof Error)) return undefined;
  const kept = new Error(cause.message);
  kept.name = cause.name;
  return kept;
}
