// Archives that call with the result of a storage commitment that an uploader asked them for (PS3.4 section J.3.3.1.2): who they are, and how they may call.
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '@causeway/shared/dicom/storage-commitment/push-model';
import type { AssociationRequest } from '@causeway/shared/dicom/upper-layer/association';

type Destinations = Pick<GatewayDocument, 'destinations' | 'facilities' | 'gateway'>;
type Committing = Extract<GatewayDocument['destinations'][number], { kind: 'dimse' }>;

/** Whether the caller is an archive that has to commit: it may be the provider of storage commitment on its own association. */
export const mayReport = (document: Destinations, callingAe: string): boolean => archivesCalled(document, callingAe).length > 0;

/**
 * Whether an association is there for such a result and for nothing else, and calls us as we called. It is taken whatever `gateway.callers` and
 * `gateway.calledAeTitles` say, and however loaded the gateway is: who is asked may answer, and the Transaction UID of an answer is known to nobody else.
 */
export function isArchiveReport(document: Destinations, { callingAe, calledAe, contexts }: AssociationRequest): boolean {
  if (contexts.length === 0 || contexts.some(({ abstractSyntaxUid }) => abstractSyntaxUid !== STORAGE_COMMITMENT_PUSH_MODEL)) return false;
  return archivesCalled(document, callingAe).some((destination) => callsAs(document, destination, calledAe.trim()));
}

function archivesCalled({ destinations }: Destinations, callingAe: string): Committing[] {
  return destinations.filter(
    (one): one is Committing => one.kind === 'dimse' && one.confirm === 'storage-commitment' && one.calledAe === callingAe.trim(),
  );
}

function callsAs({ gateway, facilities }: Destinations, { callingAe }: Committing, title: string): boolean {
  if (callingAe === 'as-received') return true;
  if (callingAe !== 'facility') return title === (callingAe ?? gateway.aeTitle);
  return title === gateway.aeTitle || facilities.some(({ aeTitle }) => aeTitle === title);
}
