// Which connection errors say that a destination is down, and which may be the doing of one request.
import type { DestinationFault } from './delivery-outcome.ts';

/** The connection stood and ended, or nothing moved on it: perhaps because of what was sent. Codes of Node and undici. */
const WHILE_SENDING = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_ABORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'UND_ERR_RES_EXCEEDED_MAX_SIZE',
  'UND_ERR_HEADERS_OVERFLOW',
]);

/** Everything else (refused, no route, no name, certificate, secret, token) concerns every request alike. */
export function faultOfError(error: unknown): DestinationFault {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (WHILE_SENDING.has(code) || code.startsWith('HPE_') || cause.name === 'AbortError') return 'suspect';
  }
  return 'down';
}
