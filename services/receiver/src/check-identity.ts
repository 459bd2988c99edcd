// The data set must be what the C-STORE command said it is (PS3.4 section B.2.3).

import { uidOf } from '@causeway/shared/config/header-reader';
import type { CStoreRequest, DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import type { DataSetScan } from '@causeway/shared/dicom/part10/data-set-scanner';

/** Status codes of the storage service class (PS3.4 table B.2-1), and of C-STORE in general (PS3.7 section 9.1.1.1.9). */
export const STATUS = {
  success: 0x0000,
  outOfResources: 0xa700,
  doesNotMatch: 0xa900,
  cannotUnderstand: 0xc000,
  invalidSopInstance: 0x0117,
} as const;

const SOP_CLASS_UID = '00080016';
const SOP_INSTANCE_UID = '00080018';

/** undefined: it matches. A data set of a transfer syntax that nobody can read is taken at its command's word. */
export function checkIdentity(request: CStoreRequest, scan: DataSetScan): DimseStatus | undefined {
  if (scan.opaque) return undefined;
  const checks = [
    { path: SOP_CLASS_UID, said: request.affectedSopClassUid, name: 'SOP Class UID' },
    { path: SOP_INSTANCE_UID, said: request.affectedSopInstanceUid, name: 'SOP Instance UID' },
  ];
  for (const { path, said, name } of checks) {
    const found = uidOf(scan.values.get(path));
    if (found === said) continue;
    const comment = found === '' ? `${name} is missing in the data set` : `${name} differs from the command's`;
    return { status: STATUS.doesNotMatch, comment, offendingElements: [Number.parseInt(path, 16)] };
  }
  return undefined;
}
