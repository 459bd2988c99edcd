// Which presentation contexts an association proposes for the work at hand (PS3.8 section 7.1.1.13, PS3.5 section 10.1).

import { IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import type { ProposedContext } from '@causeway/shared/dicom/upper-layer/association';

/** One encoding of one SOP class that has to be sent. */
export interface ContextNeed {
  readonly sopClassUid: string;
  readonly transferSyntaxUid: string;
}

/** Ids are odd, 1 to 255 (PS3.8 section 9.3.2.2). */
const MAX_CONTEXTS = 128;

export const contextKey = ({ sopClassUid, transferSyntaxUid }: ContextNeed): string => `${sopClassUid} ${transferSyntaxUid}`;

/**
 * One context for each need, with its one syntax, because nothing is converted on the way out; the first needs win when they are
 * more than 128. What room is left offers Implicit VR Little Endian for each class, as PS3.5 section 10.1 wants of every requestor.
 */
export function proposeContexts(needs: readonly ContextNeed[]): ProposedContext[] {
  const chosen = new Map<string, ContextNeed>();
  const implicit = needs.map(({ sopClassUid }) => ({ sopClassUid, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN }));
  for (const need of [...needs, ...implicit]) {
    if (chosen.size < MAX_CONTEXTS && !chosen.has(contextKey(need))) chosen.set(contextKey(need), need);
  }
  return [...chosen.values()].map(({ sopClassUid, transferSyntaxUid }, place) => ({
    id: 2 * place + 1,
    abstractSyntaxUid: sopClassUid,
    transferSyntaxUids: [transferSyntaxUid],
  }));
}
