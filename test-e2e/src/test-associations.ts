// One association of our own requestor to a gateway under test, for C-ECHO and small C-STOREs.
import { type AssociateOptions, type Association, associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { syntheticInstances, syntheticSopClass } from '../../deploy/standalone/src/send/synthetic-study.ts';

const CONTEXTS = [
  { id: 1, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] },
  { id: 3, abstractSyntaxUid: syntheticSopClass({}), transferSyntaxUids: ['1.2.840.10008.1.2.1'] },
];
const TIMEOUTS = { connectMs: 5_000, associateMs: 10_000, responseMs: 30_000 };

/** Throws AssociationRejected or AssociationLost. */
export function openAssociation(port: number, tls?: AssociateOptions['tls']): Promise<Association> {
  const implementation = { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME };
  const peer = { host: '127.0.0.1', port, callingAe: 'TESTER', calledAe: 'GATEWAY' };
  return associate({ ...peer, contexts: CONTEXTS, implementation, timeouts: TIMEOUTS, ...(tls === undefined ? {} : { tls }) });
}

/** The status of one small CT image; another one for another seed. */
export async function storeOne(association: Association, seed: number): Promise<number> {
  const [instance] = syntheticInstances({ studies: 1, instances: 1, rows: 32, columns: 32, seed });
  const { sopClassUid, sopInstanceUid, dataSet: bytes } = instance!;
  const dataSet = (async function* () {
    yield bytes;
  })();
  return (await association.store({ contextId: 3, sopClassUid, sopInstanceUid, dataSet })).status;
}
