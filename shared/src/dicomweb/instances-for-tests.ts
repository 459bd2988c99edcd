// For the tests: small real instances, and requests that store them.
import { createHash, randomBytes } from 'node:crypto';
import { encodeElement, textElement } from '../dicom/part10/element.ts';
import { encodeFileMeta } from '../dicom/part10/file-meta.ts';

export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

export interface TestInstance {
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly file: Buffer;
  /** Of the data set. */
  readonly digest: string;
}

export interface Making {
  readonly study: string;
  readonly series: string;
  readonly instance: string;
  readonly patientId?: string;
  readonly studyDate?: string;
  readonly modality?: string;
  readonly pixelBytes?: number;
}

export function makeInstance(making: Making): TestInstance {
  const { study, series, instance, patientId = 'P1', studyDate = '20260102', modality = 'CT', pixelBytes = 5000 } = making;
  const elements = [
    textElement(0x00080005, 'CS', 'ISO_IR 192'),
    textElement(0x00080016, 'UI', CT_IMAGE_STORAGE),
    textElement(0x00080018, 'UI', instance),
    textElement(0x00080020, 'DA', studyDate),
    textElement(0x00080050, 'SH', `A${study.slice(-4)}`),
    textElement(0x00080060, 'CS', modality),
    { tag: 0x00100010, vr: 'PN', value: Buffer.from('Müller^Jürg') },
    textElement(0x00100020, 'LO', patientId),
    textElement(0x0020000d, 'UI', study),
    textElement(0x0020000e, 'UI', series),
    textElement(0x00200013, 'IS', '7'),
    { tag: 0x00280010, vr: 'US', value: Buffer.from([2, 1]) },
    { tag: 0x7fe00010, vr: 'OB', value: randomBytes(pixelBytes) },
  ];
  const dataSet = Buffer.concat(elements.map((element) => encodeElement(element)));
  const meta = encodeFileMeta({ sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid: instance, transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN });
  return {
    sopInstanceUid: instance,
    studyInstanceUid: study,
    seriesInstanceUid: series,
    file: Buffer.concat([meta, dataSet]),
    digest: createHash('sha256').update(dataSet).digest('hex'),
  };
}

export const STOW_TYPE = 'multipart/related; type="application/dicom"; boundary=b0undary';

/** The body of a STOW-RS request for these files. */
export function stowBody(files: readonly Buffer[]): Buffer {
  const head = Buffer.from('\r\n--b0undary\r\nContent-Type: application/dicom\r\n\r\n');
  return Buffer.concat([...files.flatMap((file) => [head, file]), Buffer.from('\r\n--b0undary--\r\n')]);
}
