// Reads the answer to STOW-RS: the Store Instances Response Module in DICOM JSON (PS3.18 section 10.5.3 and Annex I, Annex F).
import {
  type DicomJson,
  DicomJsonError,
  integerValue,
  parseDicomJson,
  sequenceItems,
  uidValue,
} from '@causeway/shared/dicomweb/dicom-json';

/** By SOP Instance UID. Reasons are undefined where the archive gave none. */
export interface StowAnswer {
  /** Referenced SOP Sequence (0008,1199), with Warning Reason (0008,1196). */
  readonly referenced: ReadonlyMap<string, { readonly warningReason?: number | undefined }>;
  /** Failed SOP Sequence (0008,1198), with Failure Reason (0008,1197). */
  readonly failed: ReadonlyMap<string, { readonly failureReason?: number | undefined }>;
  /** Other Failures Sequence (0008,119A): reasons for parts that the archive could not tell the UID of. */
  readonly otherFailures: readonly (number | undefined)[];
}

const TAG = {
  sopInstanceUid: '00080018',
  warningReason: '00081196',
  failureReason: '00081197',
  failedSequence: '00081198',
  referencedSequence: '00081199',
  otherFailuresSequence: '0008119A',
  referencedSopInstanceUid: '00081155',
} as const;

/** undefined: not one DICOM JSON data set, so it says nothing about any instance. A data set in an array of one is taken as well. */
export function parseStowAnswer(text: string): StowAnswer | undefined {
  try {
    const dataSets = parseDicomJson(text);
    const [dataSet] = dataSets;
    return dataSet === undefined || dataSets.length > 1 ? undefined : readResponseModule(dataSet);
  } catch (error) {
    if (error instanceof DicomJsonError) return undefined;
    throw error;
  }
}

function readResponseModule(dataSet: DicomJson): StowAnswer {
  return {
    referenced: byUid(dataSet, TAG.referencedSequence, (item) => ({ warningReason: integerValue(item, TAG.warningReason) })),
    failed: byUid(dataSet, TAG.failedSequence, (item) => ({ failureReason: integerValue(item, TAG.failureReason) })),
    otherFailures: sequenceItems(dataSet, TAG.otherFailuresSequence).map((item) => integerValue(item, TAG.failureReason)),
  };
}

function byUid<T>(dataSet: DicomJson, sequence: string, read: (item: DicomJson) => T): Map<string, T> {
  const found = new Map<string, T>();
  for (const item of sequenceItems(dataSet, sequence)) {
    const uid = uidValue(item, TAG.referencedSopInstanceUid);
    if (uid !== undefined) found.set(uid, read(item));
  }
  return found;
}

/** SOP Instance UIDs in an answer to a QIDO-RS search for instances (PS3.18 section 10.6.3.3); none when it is not such an answer. */
export function parseInstanceMatches(text: string): string[] {
  try {
    return parseDicomJson(text).flatMap((match) => uidValue(match, TAG.sopInstanceUid) ?? []);
  } catch (error) {
    if (error instanceof DicomJsonError) return [];
    throw error;
  }
}
