// The data set must be what the C-STORE command said it is (PS3.4 section B.2.3), and be one that every archive can read, unless its sender's defects are tolerated.
import type { CStoreRequest, DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import type { DataSetScan } from '@causeway/shared/dicom/part10/data-set-scanner';
import { isUid } from '@causeway/shared/dicom/uid';
import type { Defect } from './sender-quirks.ts';

/** Status codes of the storage service class (PS3.4 table B.2-1), and of C-STORE in general (PS3.7 section 9.1.1.1.9). */
export const STATUS = {
  success: 0x0000,
  outOfResources: 0xa700,
  doesNotMatch: 0xa900,
  cannotUnderstand: 0xc000,
  invalidSopInstance: 0x0117,
  sopClassNotSupported: 0x0122,
} as const;

/** What an object is. */
export interface Identity {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

const UIDS = [
  { field: 'sopClassUid', path: '00080016', name: 'SOP Class UID' },
  { field: 'sopInstanceUid', path: '00080018', name: 'SOP Instance UID' },
] as const;
const GROUP_2 = 0x00020000;

const NO_DEFECTS: ReadonlySet<Defect> = new Set();

/**
 * The identity that the data set itself says, padding trimmed; or why it is refused. A data set of a transfer syntax that nobody can read is taken at its
 * command's word.
 */
export function checkIdentity(
  { affectedSopClassUid, affectedSopInstanceUid }: Pick<CStoreRequest, 'affectedSopClassUid' | 'affectedSopInstanceUid'>,
  scan: DataSetScan,
  tolerated = NO_DEFECTS,
): Identity | DimseStatus {
  const said: Identity = { sopClassUid: affectedSopClassUid, sopInstanceUid: affectedSopInstanceUid };
  if (scan.opaque) return said;
  if (scan.group2 && !tolerated.has('group2-in-dataset'))
    return {
      status: STATUS.cannotUnderstand,
      comment: 'group 2 in the data set (tolerate: group2-in-dataset)',
      offendingElements: [GROUP_2],
    };
  const found: Identity = { sopClassUid: trimmed(scan, UIDS[0].path), sopInstanceUid: trimmed(scan, UIDS[1].path) };
  for (const uid of UIDS) {
    const problem = problemOf({ found: found[uid.field], said: said[uid.field], raw: scan.values.get(uid.path) }, tolerated);
    if (problem)
      return { status: STATUS.doesNotMatch, comment: `${uid.name} ${problem}`, offendingElements: [Number.parseInt(uid.path, 16)] };
  }
  return found;
}

function problemOf({ found, said, raw }: { found: string; said: string; raw: Buffer | undefined }, tolerated: ReadonlySet<Defect>) {
  if (found === '') return 'is missing in the data set';
  if (!isUid(found)) return 'of the data set is not a UID';
  if (found !== said && !tolerated.has('uid-mismatch')) return "differs from the command's";
  if (!isPaddedRight(raw!) && !tolerated.has('uid-padding')) return 'is wrongly padded (tolerate: uid-padding)';
  return undefined;
}

/** PS3.5 section 9.1: to an even length by one NUL, and by nothing else. */
function isPaddedRight(raw: Buffer): boolean {
  return raw.length % 2 === 0 && /^[^\0 ]+\0?$/.test(raw.toString('latin1'));
}

function trimmed(scan: DataSetScan, path: string): string {
  return (scan.values.get(path) ?? Buffer.alloc(0)).toString('latin1').replace(/^[\0 ]+|[\0 ]+$/g, '');
}
