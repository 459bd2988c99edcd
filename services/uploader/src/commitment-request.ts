// Asks an archive to commit to what it stored: one N-ACTION (PS3.4 section J.3.2) on an association of the pool.
import { encodeActionInformation } from '@causeway/shared/dicom/storage-commitment/event-information';
import {
  REQUEST_STORAGE_COMMITMENT,
  type SopReference,
  STORAGE_COMMITMENT_INSTANCE,
  STORAGE_COMMITMENT_PUSH_MODEL,
} from '@causeway/shared/dicom/storage-commitment/push-model';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { describeError } from '@causeway/shared/errors';
import type { AssociationPool, Session } from './association-pool.ts';
import { hexStatus, type Outcome, transient } from './delivery-outcome.ts';
import { associationOutcome, contextResult } from './dimse-outcome.ts';
import { contextKey } from './presentation-contexts.ts';

/** The default transfer syntax, which everybody takes. */
export const COMMITMENT_CONTEXT = { sopClassUid: STORAGE_COMMITMENT_PUSH_MODEL, transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN };

/** `callingAe`: as which the instances were sent. */
export interface CommitmentRequest {
  readonly callingAe: string;
  readonly transactionUid: string;
  readonly references: readonly SopReference[];
}

/** undefined: the archive took the request (0000); its answer comes as N-EVENT-REPORT. Never rejects. */
export async function requestCommitment(pool: AssociationPool, request: CommitmentRequest): Promise<Outcome | undefined> {
  let session: Session;
  try {
    session = await pool.take({ ...COMMITMENT_CONTEXT, callingAe: request.callingAe });
  } catch (error) {
    return associationOutcome(error);
  }
  try {
    return await ask(session, request);
  } finally {
    pool.give(session);
  }
}

async function ask({ association, contexts }: Session, { transactionUid, references }: CommitmentRequest): Promise<Outcome | undefined> {
  const contextId = contexts.get(contextKey(COMMITMENT_CONTEXT))!;
  if (!association.accepted.has(contextId)) return notOffered(`presentation context ${contextResult(association.refused.get(contextId))}`);
  const information = encodeActionInformation(transactionUid, references, IMPLICIT_VR_LITTLE_ENDIAN);
  try {
    const { status } = await association.requestAction({
      contextId,
      sopClassUid: STORAGE_COMMITMENT_PUSH_MODEL,
      sopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
      actionTypeId: REQUEST_STORAGE_COMMITMENT,
      dataSet: once(information),
    });
    return actionOutcome(status);
  } catch (error) {
    association.abort();
    return transient(`the request for storage commitment was not answered: ${describeError(error)}`, 'suspect');
  }
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** Nobody's instance is at fault, and no instance would fare better: the destination pauses with the reason, until the archive offers it or the document asks for less. */
const notOffered = (words: string): Outcome =>
  transient(`the archive does not offer storage commitment (${words}): switch it on there, or set confirm: response`, 'down');

/** What an N-ACTION status says (PS3.7 section 10.1.4.1.10): of the service as a whole, of now, or of this request. */
const OF_THE_SERVICE = new Set([0x0112, 0x0118, 0x0122, 0x0123, 0x0124, 0x0211]);
const OF_NOW = new Set([0x0213, 0xa700]);

export function actionOutcome(status: number): Outcome | undefined {
  if (status === 0) return undefined;
  const words = `N-ACTION status ${hexStatus(status)}`;
  if (OF_THE_SERVICE.has(status)) return notOffered(words);
  if (OF_NOW.has(status)) return transient(`storage commitment: ${words}`, 'suspect');
  return { kind: 'refused', reason: `storage commitment: ${words}` };
}
