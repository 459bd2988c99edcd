// What an answer to STOW-RS means for each instance of the request (PS3.18 section 10.5.3).
import type { Outcome } from './delivery-outcome.ts';
import { classifyStatus, hexStatus, STOW_FAILURE_REASONS, transient } from './delivery-outcome.ts';
import type { StowAnswer } from './stow-answer.ts';

/** already-stored: the caller must prove it before it counts. */
export type StowOutcome = Outcome | { readonly kind: 'already-stored'; readonly reason: number };

/**
 * Only what the archive lists as referenced is delivered. An instance it lists nowhere, or an answer without a body, is an unknown
 * outcome: a 2xx alone proves nothing.
 */
export function stowOutcome(answer: StowAnswer | undefined, status: number, uid: string): StowOutcome {
  if (answer === undefined)
    return { kind: 'refused', reason: `HTTP ${status} without a readable answer: outcome unknown`, mayHaveArrived: true };
  const failed = answer.failed.get(uid);
  if (failed !== undefined) return failedOutcome(failed.failureReason);
  const referenced = answer.referenced.get(uid);
  if (referenced !== undefined) return deliveredOutcome(status, referenced.warningReason);
  return { kind: 'refused', reason: `HTTP ${status}: the answer does not list the instance: outcome unknown`, mayHaveArrived: true };
}

function deliveredOutcome(status: number, warningReason: number | undefined): Outcome {
  const warning = warningReason === undefined || warningReason === 0 ? undefined : `Warning Reason ${hexStatus(warningReason)}`;
  return { kind: 'delivered', confirmation: `stow ${status}`, warning };
}

export function failedOutcome(reason: number | undefined): StowOutcome {
  if (reason === undefined) return { kind: 'refused', reason: 'listed as failed without Failure Reason' };
  const words = `Failure Reason ${hexStatus(reason)}`;
  switch (classifyStatus(STOW_FAILURE_REASONS, reason)) {
    case 'transient':
      return transient(words, 'suspect');
    case 'not-authorised':
      return transient(`${words} (not authorised)`, 'down');
    case 'permanent':
      return { kind: 'permanent', reason: words, because: 'instance' };
    case 'syntax':
      return { kind: 'permanent', reason: `${words} (transfer syntax not supported)`, because: 'syntax' };
    case 'already-stored':
      return { kind: 'already-stored', reason };
    default:
      return { kind: 'refused', reason: words };
  }
}
