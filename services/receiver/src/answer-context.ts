// The answer to one proposed presentation context (PS3.8 section 9.3.3.2), by what the gateway takes and by its negotiation policy.
import type { Negotiation } from '@causeway/shared/config/gateway-document';
import { isInSopClass } from '@causeway/shared/config/sop-class-groups';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '@causeway/shared/dicom/storage-commitment/push-model';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { isUid } from '@causeway/shared/dicom/uid';
import type { AssociationRequest, ContextAnswer, ContextResult, ProposedContext } from '@causeway/shared/dicom/upper-layer/association';
import { chooseTransferSyntax, preferenceFor } from './choose-transfer-syntax.ts';
import { isTaken, VERIFICATION_SOP_CLASS } from './storage-service.ts';

const USER_REJECTION: ContextResult = 1;
const ABSTRACT_SYNTAX_NOT_SUPPORTED: ContextResult = 3;
const TRANSFER_SYNTAXES_NOT_SUPPORTED: ContextResult = 4;
/** Commitment requests are small data sets: read in the two plain syntaxes, whatever the policy for images is. */
const COMMITMENT_SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
/** PS3.6 table A-1. */
const STORAGE_SERVICE_CLASS = '1.2.840.10008.4.2';

/** What the sender says of itself and of its SOP classes beside the context. `mayReport`: it may be the provider of storage commitment. */
export type Sender = Pick<AssociationRequest, 'callingAe' | 'roles' | 'commonExtendedNegotiations'> & { readonly mayReport?: boolean };

export function answerContext(negotiation: Negotiation, sender: Sender, context: ProposedContext): ContextAnswer {
  const { id, abstractSyntaxUid, transferSyntaxUids } = context;
  const refused = (result: ContextResult): ContextAnswer => ({ id, result, transferSyntaxUid: transferSyntaxUids[0] ?? '' });
  if (abstractSyntaxUid === STORAGE_COMMITMENT_PUSH_MODEL) {
    if (offersOnlyProvider(abstractSyntaxUid, sender) && !sender.mayReport) return refused(USER_REJECTION);
    const plain = COMMITMENT_SYNTAXES.find((uid) => transferSyntaxUids.includes(uid));
    return plain ? { id, result: 0, transferSyntaxUid: plain } : refused(TRANSFER_SYNTAXES_NOT_SUPPORTED);
  }
  const sopClassUids = [abstractSyntaxUid, ...relatedTo(abstractSyntaxUid, sender)];
  if (!isUid(abstractSyntaxUid) || !isStored(abstractSyntaxUid, sender) || !isAllowed(negotiation, sopClassUids))
    return refused(ABSTRACT_SYNTAX_NOT_SUPPORTED);
  if (offersOnlyProvider(abstractSyntaxUid, sender)) return refused(USER_REJECTION);
  const preference = preferenceFor(negotiation, sopClassUids, sender.callingAe);
  const chosen = chooseTransferSyntax(preference, transferSyntaxUids.filter(isUid));
  return chosen ? { id, result: 0, transferSyntaxUid: chosen } : refused(TRANSFER_SYNTAXES_NOT_SUPPORTED);
}

/** A class whose sender says that it belongs to another service than storage is none that could be stored, known or not. */
function isStored(sopClassUid: string, { commonExtendedNegotiations = [] }: Sender): boolean {
  const saidOtherwise = commonExtendedNegotiations.some(
    (said) => said.sopClassUid === sopClassUid && said.serviceClassUid !== STORAGE_SERVICE_CLASS,
  );
  return isTaken(sopClassUid) && (sopClassUid === VERIFICATION_SOP_CLASS || !saidOtherwise);
}

/** A private class that is a kind of an allowed one is allowed with it (PS3.7 D.3.3.6). */
function isAllowed({ sopClasses }: Negotiation, sopClassUids: string[]): boolean {
  if (!sopClasses || sopClassUids[0] === VERIFICATION_SOP_CLASS) return true;
  return sopClassUids.some((uid) => sopClasses.some((named) => isInSopClass(uid, named)));
}

function relatedTo(sopClassUid: string, { commonExtendedNegotiations = [] }: Sender): string[] {
  return commonExtendedNegotiations.flatMap((said) => (said.sopClassUid === sopClassUid ? said.relatedGeneralSopClassUids : []));
}

/** We call nobody back as user of these classes, but archives for their commitments: with the role of a provider alone the context would be of no use. */
function offersOnlyProvider(sopClassUid: string, { roles }: Sender): boolean {
  const role = roles.find((one) => one.sopClassUid === sopClassUid);
  return role !== undefined && !role.scu;
}
