// The status codes this layer answers with by itself, and how statuses fall into classes (PS3.7 Annex C, PS3.4 section B.2.3).
import type { DimseStatus } from './scp.ts';

export const STATUS = {
  success: 0x0000,
  /** PS3.7 C.5.24: the operation is not one of those agreed upon. */
  unrecognizedOperation: 0x0211,
  /** PS3.7 C.5.20: the general failure of a DIMSE-N operation. */
  processingFailure: 0x0110,
  /** PS3.4 B.2.3, A700-A7FF: the modality normally tries again. */
  outOfResources: 0xa700,
  /** A900-A9FF. */
  dataSetDoesNotMatchSopClass: 0xa900,
  /** C000-CFFF. */
  cannotUnderstand: 0xc000,
} as const;

/** PS3.7 C.1 and C.3: 0000, or a warning (0001, Bxxx, 0107, 0116), which still means stored. */
export function isStored(status: number): boolean {
  return status === STATUS.success || isWarning(status);
}

/** PS3.7 C.3. */
export function isWarning(status: number): boolean {
  return status === 0x0001 || status === 0x0107 || status === 0x0116 || (status >= 0xb000 && status <= 0xbfff);
}

const MAX_COMMENT_CHARACTERS = 64;

/** (0000,0902) Error Comment is LO: at most 64 characters, no backslash, of the default repertoire. */
export function errorCommentOf(status: DimseStatus): string | undefined {
  if (status.comment === undefined || status.comment === '') return undefined;
  return status.comment.replace(/[^ -[\]-~]/g, '?').slice(0, MAX_COMMENT_CHARACTERS);
}
