// What is agreed on beside the contexts for the classes that are stored: roles (PS3.7 D.3.3.4) and what storing means here (PS3.4 section B.3.1).
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '@causeway/shared/dicom/storage-commitment/push-model';
import { isUid } from '@causeway/shared/dicom/uid';
import type { AssociationRequest, ContextAnswer, ExtendedNegotiation, RoleSelection } from '@causeway/shared/dicom/upper-layer/association';
import { isStorageClass, isTaken } from './storage-service.ts';

/** PS3.4 table B.3-2: full storage, every element kept, private ones too. */
const LEVEL_2 = 2;
/** The copy that leaves may be changed, and signatures over it with it. */
const SIGNATURES_NOT_PRESERVED = 1;
/** Bit for bit what came. */
const SIGNATURES_PRESERVED = 3;

/**
 * We are the provider: the requestor stays what it is by default, user alone; but an archive that reports its commitments (`mayReport`) is the provider of them. Answered
 * for the classes of its contexts; for any other a role says nothing, and the answers to thousands of them would not fit into the A-ASSOCIATE-AC.
 */
export function answerRoles({
  contexts,
  roles,
  mayReport = false,
}: AssociationRequest & { readonly mayReport?: boolean }): RoleSelection[] {
  const proposed = new Set(contexts.map(({ abstractSyntaxUid }) => abstractSyntaxUid).filter(isUid));
  return roles
    .filter(({ sopClassUid }) => proposed.has(sopClassUid) && (isTaken(sopClassUid) || sopClassUid === STORAGE_COMMITMENT_PUSH_MODEL))
    .map(({ sopClassUid, scu, scp }) => ({ sopClassUid, scu, scp: scp && mayReport && sopClassUid === STORAGE_COMMITMENT_PUSH_MODEL }));
}

/** For each storage class that was accepted with at least one context. */
export function answerExtendedNegotiations(
  document: GatewayDocument,
  { contexts, extendedNegotiations = [] }: AssociationRequest,
  answers: ContextAnswer[],
): ExtendedNegotiation[] {
  const acceptedIds = new Set(answers.filter(({ result }) => result === 0).map(({ id }) => id));
  const accepted = new Set(contexts.filter(({ id }) => acceptedIds.has(id)).map(({ abstractSyntaxUid }) => abstractSyntaxUid));
  const proposed = new Set(extendedNegotiations.map(({ sopClassUid }) => sopClassUid));
  return [...proposed]
    .filter((uid) => accepted.has(uid) && isStorageClass(uid))
    .map((sopClassUid) => ({ sopClassUid, information: storageInformation(document) }));
}

/** PS3.4 table B.3-2, byte by byte: level of support, reserved, level of digital signature support, reserved, element coercion, reserved. */
function storageInformation({ compression, coercion }: GatewayDocument): Buffer {
  const coerces = coercion.length > 0;
  const isKept = !coerces && compression.every(({ then }) => then.syntax === 'unchanged');
  return Buffer.from([LEVEL_2, 0, isKept ? SIGNATURES_PRESERVED : SIGNATURES_NOT_PRESERVED, 0, coerces ? 1 : 0, 0]);
}
