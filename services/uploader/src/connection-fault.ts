// What a connection error says: of the destination (is it down, or is it perhaps the doing of one request), and of the instances (may they have arrived).
import { AuthorizationUnavailable } from '@causeway/shared/dicomweb/http-authorization';
import type { DestinationFault } from './delivery-outcome.ts';

/** The connection stood and ended, or nothing moved on it: perhaps because of what was sent. Codes of Node and undici. */
const WHILE_SENDING = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_ABORTED',
  'UND_ERR_INFO',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_HEADERS_OVERFLOW',
  'ERR_STREAM_PREMATURE_CLOSE',
]);
/** Families of codes of the same kind: the HTTP parser's and those of HTTP/2. */
const WHILE_SENDING_PREFIXES = ['HPE_', 'ERR_HTTP2_'];

/** No connection came about: nothing can have arrived. Certificates are judged before the first byte of a request. */
const BEFORE_SENDING =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|UND_ERR_CONNECT_TIMEOUT|UND_ERR_PRX_\w+|CERT_\w+|ERR_TLS_\w+|DEPTH_ZERO_\w+|SELF_SIGNED_\w+|UNABLE_TO_\w+|EPROTO)$/;
/** RFC 9113 section 7: the server did not process the request. */
const REFUSED_STREAM = 7;

/** undici gives no code of its own to a proxy that refuses the tunnel. */
const isTunnelRefusal = (error: Error): boolean => error.message.startsWith('Proxy response (');

function* chainOf(error: unknown): Generator<Error & { code?: string; http2ErrorCode?: number }> {
  for (let cause = error; cause instanceof Error; cause = cause.cause) yield cause;
}

/** none: the server asks to send it on another connection. Everything not known (no route, secret, token) concerns every request alike. */
export function faultOfError(error: unknown): DestinationFault {
  for (const cause of chainOf(error)) {
    const code = cause.code ?? '';
    if (cause instanceof AuthorizationUnavailable || isTunnelRefusal(cause)) return 'down';
    if (cause.http2ErrorCode === REFUSED_STREAM) return 'none';
    if (WHILE_SENDING.has(code) || WHILE_SENDING_PREFIXES.some((prefix) => code.startsWith(prefix)) || cause.name === 'AbortError')
      return 'suspect';
  }
  return 'down';
}

/** True only where it is certain that the destination did not get the request. */
export function surelyUnsent(error: unknown): boolean {
  for (const cause of chainOf(error)) {
    if (cause instanceof AuthorizationUnavailable || isTunnelRefusal(cause) || cause.http2ErrorCode === REFUSED_STREAM) return true;
    if (cause.code !== undefined) return BEFORE_SENDING.test(cause.code);
  }
  return false;
}
