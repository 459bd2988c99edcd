// What can come of sending one instance, and how the answers of DICOM and HTTP map to it. The tables carry the standard; nothing else decides.

import type { StoredCopy } from '@causeway/shared/events/asked-commitment';

/** What a failure says about the destination as a whole. down: it cannot take anything now; suspect: perhaps (three in a row count as down). */
export type DestinationFault = 'none' | 'suspect' | 'down';

export type Outcome =
  | Delivered
  /** The destination has it and was asked to commit to it; it is delivered only when it did. */
  | { readonly kind: 'stored'; readonly stored: StoredCopy }
  /** Tried again with growing delay, until giveUpAfter. */
  | (Undelivered & { readonly kind: 'transient'; readonly fault: DestinationFault; readonly retryAfterMs?: number | undefined })
  /** The destination said no in words that may mean anything: tried again a bounded number of times, then parked. */
  | (Undelivered & { readonly kind: 'refused' })
  /**
   * Parked at once. because syntax: only this encoding is refused; refused-before: as syntax, told by memory, nothing was sent; object: what we hold is missing or
   * damaged; conflict: the destination has other content under the SOP Instance UID.
   */
  | {
      readonly kind: 'permanent';
      readonly reason: string;
      readonly because: 'instance' | 'syntax' | 'refused-before' | 'object' | 'conflict';
    };

/** `mayHaveArrived`: there was no definite answer, so the destination may have the instance from us. */
interface Undelivered {
  readonly reason: string;
  readonly mayHaveArrived?: boolean;
}

/** `confirmation`: what proved it, at most 64 characters; `warning`: the status or reason the destination added. */
export interface Delivered {
  readonly kind: 'delivered';
  readonly confirmation: string;
  readonly warning?: string | undefined;
}

/** The destination takes the instance, but not in this transfer syntax (415, C122, presentation context result 3 or 4): in another one it may. */
export const isSyntaxRefused = (outcome: Outcome): boolean =>
  outcome.kind === 'permanent' && (outcome.because === 'syntax' || outcome.because === 'refused-before');

/** already-stored counts as delivered only when ours may have arrived before: what is there under the UID may be other content. */
export type StatusClass = 'delivered' | 'warning' | 'transient' | 'refused' | 'permanent' | 'syntax' | 'not-authorised' | 'already-stored';

interface StatusRange {
  readonly from: number;
  readonly to: number;
  readonly class: StatusClass;
}

/** C-STORE Status (0000,0900): PS3.4 section B.2.3, PS3.7 Annex C. First match wins; what is not listed is `refused`. */
export const C_STORE_STATUSES: readonly StatusRange[] = [
  { from: 0x0000, to: 0x0000, class: 'delivered' },
  { from: 0xb000, to: 0xbfff, class: 'warning' },
  { from: 0xa700, to: 0xa7ff, class: 'transient' },
  { from: 0xa900, to: 0xa9ff, class: 'permanent' },
  { from: 0xc000, to: 0xcfff, class: 'refused' },
  { from: 0x0110, to: 0x0110, class: 'refused' },
  { from: 0x0111, to: 0x0111, class: 'already-stored' },
  { from: 0x0117, to: 0x0117, class: 'permanent' },
  { from: 0x0119, to: 0x0119, class: 'permanent' },
  { from: 0x0122, to: 0x0122, class: 'permanent' },
  { from: 0x0124, to: 0x0124, class: 'not-authorised' },
  { from: 0x0213, to: 0x0213, class: 'transient' },
  { from: 0xfe00, to: 0xfe00, class: 'transient' },
];

/** Failure Reason (0008,1197) of STOW-RS: PS3.18 section I.2.2 (table I.2-2). 45070 (B00E): "already stored", and 45071: "is being stored", of cloud archives. */
export const STOW_FAILURE_REASONS: readonly StatusRange[] = [
  { from: 0xa700, to: 0xa7ff, class: 'transient' },
  { from: 0xa900, to: 0xa9ff, class: 'permanent' },
  { from: 0xc122, to: 0xc122, class: 'syntax' },
  { from: 0xc000, to: 0xcfff, class: 'refused' },
  { from: 0xb00e, to: 0xb00e, class: 'already-stored' },
  { from: 0xb00f, to: 0xb00f, class: 'transient' },
  { from: 0x0110, to: 0x0110, class: 'refused' },
  { from: 0x0111, to: 0x0111, class: 'already-stored' },
  { from: 0x0117, to: 0x0117, class: 'permanent' },
  { from: 0x0119, to: 0x0119, class: 'permanent' },
  { from: 0x0122, to: 0x0122, class: 'permanent' },
  { from: 0x0124, to: 0x0124, class: 'not-authorised' },
  { from: 0x0213, to: 0x0213, class: 'transient' },
];

export function classifyStatus(table: readonly StatusRange[], status: number): StatusClass {
  return table.find(({ from, to }) => status >= from && status <= to)?.class ?? 'refused';
}

/**
 * per-instance: the body tells (PS3.18 section 10.5.3). split: one of the batch may be the cause, so they are sent one by one; a single one is parked.
 * syntax: as split, but a single one is sent in its other encoding, if there is one. pause / suspect: not the instances' fault.
 */
export type HttpVerdict = 'per-instance' | 'split' | 'syntax' | 'pause' | 'suspect';

interface HttpRange {
  readonly from: number;
  readonly to: number;
  readonly verdict: HttpVerdict;
}

/** Answers to a STOW-RS request: PS3.18 section 10.5.3 and table 8.5-1, RFC 9110. First match wins; what is not listed is `pause`. */
export const STOW_HTTP_STATUSES: readonly HttpRange[] = [
  { from: 200, to: 299, verdict: 'per-instance' },
  { from: 409, to: 409, verdict: 'per-instance' },
  { from: 400, to: 400, verdict: 'split' },
  { from: 401, to: 401, verdict: 'pause' },
  { from: 403, to: 405, verdict: 'pause' },
  { from: 407, to: 407, verdict: 'pause' },
  { from: 408, to: 408, verdict: 'suspect' },
  { from: 413, to: 413, verdict: 'split' },
  { from: 415, to: 415, verdict: 'syntax' },
  { from: 422, to: 422, verdict: 'split' },
  { from: 425, to: 425, verdict: 'suspect' },
  { from: 429, to: 429, verdict: 'pause' },
  { from: 503, to: 503, verdict: 'pause' },
  { from: 507, to: 507, verdict: 'pause' },
  { from: 500, to: 599, verdict: 'suspect' },
];

export function judgeHttpStatus(status: number): HttpVerdict {
  return STOW_HTTP_STATUSES.find(({ from, to }) => status >= from && status <= to)?.verdict ?? 'pause';
}

const HTTP_WORDS: Readonly<Record<number, string>> = {
  401: 'our credentials are not accepted',
  403: 'we are not allowed to',
  404: 'no STOW-RS at this address',
  405: 'no STOW-RS at this address',
  407: 'the proxy wants credentials',
  413: 'too large for the destination',
  415: 'media type or transfer syntax not supported',
  429: 'too many requests',
  503: 'not available for now',
  507: 'the destination is full',
};

/** `HTTP 503 (not available for now)`. */
export const httpWords = (status: number): string => `HTTP ${status}${HTTP_WORDS[status] === undefined ? '' : ` (${HTTP_WORDS[status]})`}`;

/** Four hex digits, as the standard prints statuses. */
export const hexStatus = (status: number): string => status.toString(16).toUpperCase().padStart(4, '0');

/** A failure before the instance can have arrived, or a definite no for now. */
export const transient = (reason: string, fault: DestinationFault, retryAfterMs?: number): Outcome => ({
  kind: 'transient',
  reason,
  fault,
  retryAfterMs,
});

/** The request went out, or part of it, and no answer says what became of the instance. */
export const unknownOutcome = (reason: string, fault: DestinationFault, retryAfterMs?: number): Outcome => ({
  ...{ kind: 'transient', reason, fault, retryAfterMs },
  mayHaveArrived: true,
});
