// Which of the proposed transfer syntaxes a context accepts, by the order of preference of the gateway document.
import type { Negotiation } from '@causeway/shared/config/gateway-document';
import { isInSopClass } from '@causeway/shared/config/sop-class-groups';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { quirksOf } from './sender-quirks.ts';

type Preference = Negotiation['prefer'][number];

const PICK: Record<Preference, (proposed: string[]) => string | undefined> = {
  'explicit-little': (proposed) => proposed.find((uid) => uid === EXPLICIT_VR_LITTLE_ENDIAN),
  'implicit-little': (proposed) => proposed.find((uid) => uid === IMPLICIT_VR_LITTLE_ENDIAN),
  lossless: (proposed) => proposed.find((uid) => transferSyntaxOf(uid)?.kind === 'lossless'),
  'as-proposed': (proposed) => proposed[0],
};

/** The order that holds for one sender and one SOP class, with those it is a kind of: the sender's own, that of the class, the common one. */
export function preferenceFor(negotiation: Negotiation, sopClassUids: string[], callingAe: string): Preference[] {
  const ofCaller = quirksOf({ negotiation }, callingAe)?.prefer;
  const ofClass = negotiation.bySopClass.find((row) => row.sopClass.some((named) => sopClassUids.some((uid) => isInSopClass(uid, named))));
  return ofCaller ?? ofClass?.prefer ?? negotiation.prefer;
}

/** undefined: none of them is usable (result 4). */
export function chooseTransferSyntax(preference: Preference[], proposed: string[]): string | undefined {
  for (const one of preference) {
    const picked = PICK[one](proposed);
    if (picked) return picked;
  }
  return undefined;
}
