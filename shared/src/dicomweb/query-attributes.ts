// What a search in the ledger can match and return (PS3.18 tables 10.6.1-5 and 10.6.3-3 to 10.6.3-5, as far as the ledger keeps it).

export type QueryLevel = 'study' | 'series' | 'instance';

/** `keyword`: as in an instance's attributes (header-attributes.ts), but for UIDs and what is counted. */
export interface QueryAttribute {
  readonly keyword: string;
  readonly tag: string;
  readonly vr: string;
  readonly level: QueryLevel;
}

const row = (level: QueryLevel, keyword: string, tagAndVr: string): QueryAttribute => {
  const [tag, vr] = tagAndVr.split(' ') as [string, string];
  return { keyword, tag, vr, level };
};

export const QUERY_ATTRIBUTES: readonly QueryAttribute[] = [
  row('study', 'StudyDate', '00080020 DA'),
  row('study', 'StudyTime', '00080030 TM'),
  row('study', 'AccessionNumber', '00080050 SH'),
  row('study', 'ModalitiesInStudy', '00080061 CS'),
  row('study', 'StudyDescription', '00081030 LO'),
  row('study', 'PatientName', '00100010 PN'),
  row('study', 'PatientID', '00100020 LO'),
  row('study', 'IssuerOfPatientID', '00100021 LO'),
  row('study', 'PatientBirthDate', '00100030 DA'),
  row('study', 'PatientSex', '00100040 CS'),
  row('study', 'StudyInstanceUID', '0020000D UI'),
  row('series', 'Modality', '00080060 CS'),
  row('series', 'InstitutionName', '00080080 LO'),
  row('series', 'SeriesDescription', '0008103E LO'),
  row('series', 'BodyPartExamined', '00180015 CS'),
  row('series', 'SeriesInstanceUID', '0020000E UI'),
  row('series', 'SeriesNumber', '00200011 IS'),
  row('instance', 'ImageType', '00080008 CS'),
  row('instance', 'SOPClassUID', '00080016 UI'),
  row('instance', 'SOPInstanceUID', '00080018 UI'),
  row('instance', 'AvailableTransferSyntaxUID', '00083002 UI'),
  row('instance', 'InstanceNumber', '00200013 IS'),
  row('instance', 'NumberOfFrames', '00280008 IS'),
];

/** Which levels a search at one level can match: those above it too (PS3.18 section 10.6.1.2). */
export const LEVELS: Readonly<Record<QueryLevel, readonly QueryLevel[]>> = {
  study: ['study'],
  series: ['study', 'series'],
  instance: ['study', 'series', 'instance'],
};

export interface Criterion {
  readonly attribute: QueryAttribute;
  /** Not empty: an empty one matches everything. */
  readonly value: string;
}
