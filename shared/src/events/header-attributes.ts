// The allow-list of header attributes that travel with an instance: what the ledger shows and the rules can ask (PS3.6 keywords).

/** Always read by the receiver. Paths that the gateway document names (mapping tags, lane and compression conditions) come in addition. */
export const HEADER_ATTRIBUTES = {
  ImageType: '00080008',
  StudyDate: '00080020',
  StudyTime: '00080030',
  AccessionNumber: '00080050',
  Modality: '00080060',
  InstitutionName: '00080080',
  StudyDescription: '00081030',
  SeriesDescription: '0008103E',
  PatientName: '00100010',
  PatientID: '00100020',
  IssuerOfPatientID: '00100021',
  PatientBirthDate: '00100030',
  PatientSex: '00100040',
  BodyPartExamined: '00180015',
  SeriesNumber: '00200011',
  InstanceNumber: '00200013',
  NumberOfFrames: '00280008',
} as const;
export type HeaderAttribute = keyof typeof HEADER_ATTRIBUTES;
