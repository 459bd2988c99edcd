// Which of the proposed transfer syntaxes a context accepts, by the order of preference of the gateway document.
import type { Negotiation } from '@causeway/shared/config/gateway-document';
import { isInSopClass } from '@causeway/shared/config/sop-class-groups';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';

type Preference = Negotiation['prefer'][number];

const PICK: Record<Preference, (proposed: string[]) => string | undefined> = {
  'explicit-little': (proposed) => proposed.find((uid) => uid === EXPLICIT_VR_LITTLE_ENDIAN),
  'implicit-little': (proposed) => proposed.find((uid) => uid === IMPLICIT_VR_LITTLE_ENDIAN),
  lossless: (proposed) => proposed.find((uid) => transferSyntaxOf(uid)?.kind === 'lossless'),
  'as-proposed': (proposed) => proposed[0],
};

/** undefined: none of them is usable (result 4). */
export function chooseTransferSyntax(negotiation: Negotiation, sopClassUid: string, proposed: string[]): string | undefined {
  const special = negotiation.bySopClass.find((row) => row.sopClass.some((named) => isInSopClass(sopClassUid, named)));
  for (const preference of (special ?? negotiation).prefer) {
    const picked = PICK[preference](proposed);
    if (picked) return picked;
  }
  return undefined;
}
