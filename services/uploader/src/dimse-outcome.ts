// What the answers of a storage SCP mean for an instance (PS3.4 section B.2.3, PS3.8 table 9-18).
import { AssociationRejected } from '@causeway/shared/dicom/dimse/scu';
import { describeError } from '@causeway/shared/errors';
import { C_STORE_STATUSES, classifyStatus, hexStatus, type Outcome, transient } from './delivery-outcome.ts';
import type { ContextNeed } from './presentation-contexts.ts';

/**
 * Status (0000,0900) of a C-STORE-RSP. Duplicate SOP Instance (0111) counts as delivered only when this very instance may have arrived
 * before (`resend`). The Error Comment is not used: it may hold patient data.
 */
export function storeOutcome(status: number, resend: boolean): Outcome {
  const words = `C-STORE status ${hexStatus(status)}`;
  const confirmation = `c-store ${hexStatus(status)}`;
  switch (classifyStatus(C_STORE_STATUSES, status)) {
    case 'delivered':
      return { kind: 'delivered', confirmation };
    case 'warning':
      return { kind: 'delivered', confirmation, warning: `status ${hexStatus(status)}` };
    case 'already-stored':
      return resend
        ? { kind: 'delivered', confirmation, warning: 'status 0111 (duplicate) to a resend' }
        : { kind: 'refused', reason: words };
    case 'transient':
      return transient(words, 'suspect');
    case 'not-authorised':
      return transient(`${words} (not authorised)`, 'down');
    case 'permanent':
    case 'syntax':
      return { kind: 'permanent', reason: words, because: 'instance' };
    case 'refused':
      return { kind: 'refused', reason: words };
  }
}

const CONTEXT_RESULTS: Readonly<Record<number, string>> = {
  1: 'user rejection',
  2: 'no reason',
  3: 'abstract syntax not supported',
  4: 'transfer syntaxes not supported',
};

export const contextResult = (result = 2): string => `refused: result ${result} (${CONTEXT_RESULTS[result] ?? 'unknown'})`;

/** The context that the instance needs was refused. Results 3 and 4 are facts about the peer; 1 and 2 may pass. */
export function refusedContextOutcome(result: number, need: ContextNeed): Outcome {
  const reason = `presentation context of SOP Class ${need.sopClassUid} in transfer syntax ${need.transferSyntaxUid} ${contextResult(result)}`;
  // Also after 3 the other encoding is tried: some peers answer it when they take the class in another syntax only.
  return result === 3 || result === 4 ? { kind: 'permanent', reason, because: 'syntax' } : { kind: 'refused', reason };
}

/** No association came about: nobody's instance is at fault. */
export function associationOutcome(error: unknown): Outcome {
  const words = error instanceof AssociationRejected ? error.message : `no association: ${describeError(error)}`;
  return transient(words, 'down');
}
