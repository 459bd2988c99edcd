// What an answer to STOW-RS means for each instance of the request (PS3.18 section 10.5.3).
import type { Outcome } from './delivery-outcome.ts';
import { classifyStatus, hexStatus, STOW_FAILURE_REASONS, transient } from './delivery-outcome.ts';
import type { StowAnswer } from './stow-answer.ts';

/**
 * already-stored: something lies there under the SOP Instance UID; the caller must prove that it is this. unsaid: the answer says nothing of the instance: without
 * proof it is no delivery. `words`: what was answered.
 */
export type StowOutcome =
  | Outcome
  | { readonly kind: 'already-stored'; readonly words: string }
  | { readonly kind: 'unsaid'; readonly words: string };

/** Only what the archive lists as referenced is delivered. A 409 that says nothing of the instance may mean that it is there. */
export function stowOutcome(answer: StowAnswer | undefined, status: number, uid: string): StowOutcome {
  const failed = answer?.failed.get(uid);
  if (failed !== undefined) return failedOutcome(failed.failureReason);
  const referenced = answer?.referenced.get(uid);
  if (referenced !== undefined) return deliveredOutcome(status, referenced.warningReason);
  const missing = answer === undefined ? 'without a readable answer' : 'and the answer does not list the instance';
  return { kind: status === 409 ? 'already-stored' : 'unsaid', words: `HTTP ${status} ${missing}` };
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
      return { kind: 'already-stored', words: `${words} (already stored)` };
    default:
      return { kind: 'refused', reason: words };
  }
}
