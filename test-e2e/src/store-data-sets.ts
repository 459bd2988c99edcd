// C-STORE of given data sets, one after the other on one association; what each was answered.
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';

export interface DataSetToStore {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataSet: Buffer;
}

const TIMEOUTS = { connectMs: 10_000, associateMs: 10_000, responseMs: 60_000 };

/** Statuses in the order of the data sets, which all are of one SOP class and transfer syntax. */
export async function storeDataSets(port: number, dataSets: readonly DataSetToStore[]): Promise<number[]> {
  const { sopClassUid, transferSyntaxUid } = dataSets[0]!;
  const association = await associate({
    ...{ host: '127.0.0.1', port, callingAe: 'STORE', calledAe: 'GATEWAY' },
    contexts: [{ id: 1, abstractSyntaxUid: sopClassUid, transferSyntaxUids: [transferSyntaxUid] }],
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    timeouts: TIMEOUTS,
  });
  const statuses: number[] = [];
  for (const { sopInstanceUid, dataSet } of dataSets) {
    const chunks = (async function* () {
      yield dataSet;
    })();
    statuses.push((await association.store({ contextId: 1, sopClassUid, sopInstanceUid, dataSet: chunks })).status);
  }
  await association.release();
  return statuses;
}
