// Reads the answer to STOW-RS: the Store Instances Response Module in DICOM JSON or XML (PS3.18 section 10.5.3 and Annex I), and what a search finds.
import { DicomAnswerError, parseDicomAnswer } from '@causeway/shared/dicomweb/dicom-answer';
import { type DicomJson, DicomJsonError, integerValue, sequenceItems, uidValue } from '@causeway/shared/dicomweb/dicom-json';

/** By SOP Instance UID. Reasons are undefined where the archive gave none. */
export interface StowAnswer {
  /** Referenced SOP Sequence (0008,1199), with Warning Reason (0008,1196). */
  readonly referenced: ReadonlyMap<string, { readonly warningReason?: number | undefined }>;
  /** Failed SOP Sequence (0008,1198), with Failure Reason (0008,1197). */
  readonly failed: ReadonlyMap<string, { readonly failureReason?: number | undefined }>;
  /** Other Failures Sequence (0008,119A): reasons for parts that the archive could not tell the UID of. */
  readonly otherFailures: readonly (number | undefined)[];
}

/** An answer as it came: `contentType` is its header. */
export interface RawAnswer {
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** UIDs of an instance that a search found; study and series as far as the archive tells them. */
export interface InstanceMatch {
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string | undefined;
  readonly seriesInstanceUid: string | undefined;
}

const TAG = {
  sopInstanceUid: '00080018',
  studyInstanceUid: '0020000D',
  seriesInstanceUid: '0020000E',
  warningReason: '00081196',
  failureReason: '00081197',
  failedSequence: '00081198',
  referencedSequence: '00081199',
  otherFailuresSequence: '0008119A',
  referencedSopInstanceUid: '00081155',
} as const;

/** undefined: not one data set, so it says nothing about any instance. A data set in an array of one is taken as well. */
export async function parseStowAnswer({ body, contentType }: RawAnswer): Promise<StowAnswer | undefined> {
  return await readable(async () => {
    const dataSets = await parseDicomAnswer(body, contentType);
    const [dataSet] = dataSets;
    return dataSet === undefined || dataSets.length > 1 ? undefined : readResponseModule(dataSet);
  });
}

/** undefined when the answer could not be read: it is none. */
async function readable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DicomAnswerError || error instanceof DicomJsonError) return undefined;
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

/** What a QIDO-RS search for instances found (PS3.18 section 10.6.3.3); undefined when it is not such an answer. */
export async function parseInstanceMatches({ body, contentType }: RawAnswer): Promise<InstanceMatch[] | undefined> {
  return await readable(async () => (await parseDicomAnswer(body, contentType)).flatMap(matchOf));
}

function matchOf(match: DicomJson): InstanceMatch[] {
  const sopInstanceUid = uidValue(match, TAG.sopInstanceUid);
  if (sopInstanceUid === undefined) return [];
  const [studyInstanceUid, seriesInstanceUid] = [uidValue(match, TAG.studyInstanceUid), uidValue(match, TAG.seriesInstanceUid)];
  return [{ sopInstanceUid, studyInstanceUid, seriesInstanceUid }];
}
