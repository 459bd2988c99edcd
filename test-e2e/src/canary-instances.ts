// Instances whose every identifying attribute carries a mark that occurs nowhere else: whoever finds the mark found patient data.
import { randomInt } from 'node:crypto';
import { encodeElement } from '@causeway/shared/dicom/part10/element';

export const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
export const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
const MARK = 'ZQX7KV';
/** A date of birth that nothing else has. */
const BIRTH_DATE = '18990207';
/** The mark as text, in base64 at each offset, and percent-encoded names are found by the mark itself. */
const BASE64 = [0, 1, 2].map((offset) =>
  Buffer.from(`${' '.repeat(offset)}CANARY`)
    .toString('base64')
    .slice(offset === 0 ? 0 : offset + 1, -2),
);
/** The date not in the middle of a UID or a figure. */
export const CANARY = new RegExp([MARK, `(?<![\\d.])${BIRTH_DATE}(?!\\d)`, ...BASE64].join('|'), 'i');

export const PATIENT_NAME = `CANARYNAME^${MARK}`;
export const INSTITUTION = `CANARYHOSPITAL ${MARK}`;

/** Tag, VR and value of all that identifies somebody but the institution, by which hubs find a facility. */
export const CANARY_ATTRIBUTES: readonly (readonly [tag: number, vr: string, value: string])[] = [
  [0x00080050, 'SH', `CANARYAC-${MARK}`],
  [0x00080081, 'ST', `CANARYSTREET 1 ${MARK}`],
  [0x00080090, 'PN', `CANARYREF^${MARK}`],
  [0x00081010, 'SH', `CANARYSTA ${MARK}`],
  [0x00081030, 'LO', `CANARYSTUDY ${MARK}`],
  [0x0008103e, 'LO', `CANARYSERIES ${MARK}`],
  [0x00081070, 'PN', `CANARYOPERATOR^${MARK}`],
  [0x00090010, 'LO', `CANARYPRIVATE ${MARK}`],
  [0x00091001, 'LO', `CANARYVALUE ${MARK}`],
  [0x00100010, 'PN', PATIENT_NAME],
  [0x00100020, 'LO', `CANARYID-${MARK}`],
  [0x00100030, 'DA', BIRTH_DATE],
  [0x00101000, 'LO', `CANARYOTHER-${MARK}`],
  [0x00101040, 'LO', `CANARYADDRESS ${MARK}`],
  [0x00104000, 'LT', `CANARYCOMMENT ${MARK}`],
  [0x00180015, 'CS', `CANARY ${MARK}`],
  [0x00200010, 'SH', `CANARYSI ${MARK}`],
  [0x00324000, 'LT', `CANARYSTUDYCOMMENT ${MARK}`],
];

export interface CanaryInstance {
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Explicit VR little endian. */
  readonly dataSet: Buffer;
}

const text = (tag: number, vr: string, value: string): [number, Buffer] => [
  tag,
  encodeElement({ tag, vr, value: Buffer.from(value, 'latin1') }),
];
function number(tag: number, value: number): [number, Buffer] {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return [tag, encodeElement({ tag, vr: 'US', value: bytes })];
}

const newUid = (): string => `2.25.${randomInt(2 ** 47)}${randomInt(2 ** 47)}`;

/** A small CT image. `pixelBytes` other than 512 makes one that no codec takes. */
export function canaryInstance(options: { pixelBytes?: number } = {}): CanaryInstance {
  const [sopInstanceUid, studyInstanceUid] = [newUid(), newUid()];
  const elements = [
    ...identification(sopInstanceUid, studyInstanceUid),
    ...marked(),
    ...pixelDescription(),
    [0x7fe00010, encodeElement({ tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(options.pixelBytes ?? 512, 7) })],
  ] as [number, Buffer][];
  const dataSet = Buffer.concat(elements.sort(([one], [other]) => one - other).map(([, bytes]) => bytes));
  return { sopInstanceUid, studyInstanceUid, dataSet };
}

const identification = (sopInstanceUid: string, studyInstanceUid: string): [number, Buffer][] => [
  text(0x00080005, 'CS', 'ISO_IR 100'),
  text(0x00080016, 'UI', `${CT_IMAGE_STORAGE}`),
  [0x00080018, encodeElement({ tag: 0x00080018, vr: 'UI', value: Buffer.from(sopInstanceUid) })],
  text(0x00080020, 'DA', '20240101'),
  text(0x00080060, 'CS', 'CT'),
  [0x0020000d, encodeElement({ tag: 0x0020000d, vr: 'UI', value: Buffer.from(studyInstanceUid) })],
  [0x0020000e, encodeElement({ tag: 0x0020000e, vr: 'UI', value: Buffer.from(`${studyInstanceUid}.1`) })],
];

const marked = (): [number, Buffer][] =>
  [[0x00080080, 'LO', INSTITUTION] as const, ...CANARY_ATTRIBUTES].map(([tag, vr, value]) => text(tag, vr, value));

const pixelDescription = (): [number, Buffer][] => [
  number(0x00280002, 1),
  text(0x00280004, 'CS', 'MONOCHROME2'),
  number(0x00280010, 16),
  number(0x00280011, 16),
  number(0x00280100, 16),
  number(0x00280101, 12),
  number(0x00280102, 11),
  number(0x00280103, 0),
];
