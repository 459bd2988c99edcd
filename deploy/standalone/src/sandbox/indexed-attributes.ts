// What the sandbox archive knows of an instance without opening it: the attributes that QIDO-RS matches and returns (PS3.18 tables 10.6.3-3 to 10.6.3-5).

export type QueryLevel = 'study' | 'series' | 'instance';

export interface IndexedAttribute {
  readonly keyword: string;
  readonly tag: string;
  readonly vr: string;
  readonly level: QueryLevel;
}

const row = (level: QueryLevel, keyword: string, tagAndVr: string): IndexedAttribute => {
  const [tag, vr] = tagAndVr.split(' ') as [string, string];
  return { keyword, tag, vr, level };
};

/** Read from the data set of each instance. */
export const INDEXED_ATTRIBUTES: readonly IndexedAttribute[] = [
  row('study', 'StudyDate', '00080020 DA'),
  row('study', 'StudyTime', '00080030 TM'),
  row('study', 'AccessionNumber', '00080050 SH'),
  row('study', 'ReferringPhysicianName', '00080090 PN'),
  row('study', 'StudyDescription', '00081030 LO'),
  row('study', 'PatientName', '00100010 PN'),
  row('study', 'PatientID', '00100020 LO'),
  row('study', 'IssuerOfPatientID', '00100021 LO'),
  row('study', 'PatientBirthDate', '00100030 DA'),
  row('study', 'PatientSex', '00100040 CS'),
  row('study', 'StudyInstanceUID', '0020000D UI'),
  row('study', 'StudyID', '00200010 SH'),
  row('series', 'SeriesDate', '00080021 DA'),
  row('series', 'SeriesTime', '00080031 TM'),
  row('series', 'Modality', '00080060 CS'),
  row('series', 'SeriesDescription', '0008103E LO'),
  row('series', 'BodyPartExamined', '00180015 CS'),
  row('series', 'SeriesInstanceUID', '0020000E UI'),
  row('series', 'SeriesNumber', '00200011 IS'),
  row('instance', 'ImageType', '00080008 CS'),
  row('instance', 'SOPClassUID', '00080016 UI'),
  row('instance', 'SOPInstanceUID', '00080018 UI'),
  row('instance', 'InstanceNumber', '00200013 IS'),
  row('instance', 'NumberOfFrames', '00280008 IS'),
  row('instance', 'Rows', '00280010 US'),
  row('instance', 'Columns', '00280011 US'),
  row('instance', 'BitsAllocated', '00280100 US'),
];

/** Counted or known by the archive itself. */
export const DERIVED_ATTRIBUTES: readonly IndexedAttribute[] = [
  row('study', 'ModalitiesInStudy', '00080061 CS'),
  row('study', 'InstanceAvailability', '00080056 CS'),
  row('study', 'NumberOfStudyRelatedSeries', '00201206 IS'),
  row('study', 'NumberOfStudyRelatedInstances', '00201208 IS'),
  row('series', 'NumberOfSeriesRelatedInstances', '00201209 IS'),
  row('instance', 'AvailableTransferSyntaxUID', '00083002 UI'),
];

export const STUDY_INSTANCE_UID = '0020000D';
export const SERIES_INSTANCE_UID = '0020000E';
export const SOP_CLASS_UID = '00080016';
export const SOP_INSTANCE_UID = '00080018';
export const MODALITY = '00080060';
export const MODALITIES_IN_STUDY = '00080061';
export const INSTANCE_AVAILABILITY = '00080056';
export const NUMBER_OF_STUDY_RELATED_SERIES = '00201206';
export const NUMBER_OF_STUDY_RELATED_INSTANCES = '00201208';
export const NUMBER_OF_SERIES_RELATED_INSTANCES = '00201209';
export const AVAILABLE_TRANSFER_SYNTAX_UID = '00083002';
export const RETRIEVE_URL = '00081190';
