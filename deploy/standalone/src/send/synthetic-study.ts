// Studies that belong to nobody: valid images with clearly fictional patients, the same for the same seed, never whole in memory.
import { createHash } from 'node:crypto';
import { encodeElement, explicitHeader } from '@causeway/shared/dicom/part10/element';
import { ctSlice, noiseTable, seededRandom } from './synthetic-image.ts';

export interface SyntheticOptions {
  readonly studies: number;
  /** In each study. */
  readonly instances: number;
  /** Another seed, other UIDs and pixels. */
  readonly seed: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly modality?: string;
  /** More than one: a multi-frame secondary capture. */
  readonly frames?: number;
  /** (0008,0080), which maps hub studies to endpoints. */
  readonly institution?: string;
  /** Further texts, or others for some that are there. Not those of pixels. */
  readonly attributes?: readonly Attribute[];
}

export type Attribute = readonly [tag: number, vr: string, value: string];

export interface SyntheticInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  /** Explicit VR little endian. */
  readonly transferSyntaxUid: string;
  /** Of the data set. */
  readonly byteLength: number;
  /** The data set, frame by frame; the same bytes each time. */
  chunks(): Generator<Buffer>;
  /** The data set in one piece, for small ones. */
  readonly dataSet: Buffer;
}

const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const MULTI_FRAME_WORD_SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7.3';
/** PS3.6 table A-1; another modality becomes a Secondary Capture image. */
const SOP_CLASSES: Record<string, string> = { CT, MR: '1.2.840.10008.5.1.4.1.1.4', CR: '1.2.840.10008.5.1.4.1.1.1' };
const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

export function syntheticSopClass({ modality = 'CT', frames = 1 }: Pick<SyntheticOptions, 'modality' | 'frames'>): string {
  return frames > 1 ? MULTI_FRAME_WORD_SECONDARY_CAPTURE : (SOP_CLASSES[modality] ?? SECONDARY_CAPTURE);
}

/** Made as they are asked for. */
export function* syntheticInstances(options: SyntheticOptions): Generator<SyntheticInstance> {
  const noise = noiseTable(seededRandom(options.seed));
  for (let study = 1; study <= options.studies; study++)
    for (let instance = 1; instance <= options.instances; instance++) yield instanceOf(options, { study, instance, noise });
}

interface Place {
  readonly study: number;
  readonly instance: number;
  readonly noise: Int16Array;
}

function instanceOf(options: SyntheticOptions, place: Place): SyntheticInstance {
  const { rows = 512, columns = 512, frames = 1 } = options;
  const header = headerOf(options, place);
  const pixelBytes = rows * columns * 2 * frames;
  function* chunks(): Generator<Buffer> {
    yield Buffer.concat([header, explicitHeader(0x7fe00010, 'OW', pixelBytes)]);
    const random = seededRandom(options.seed ^ (place.study * 7919 + place.instance * 104_729));
    for (let frame = 0; frame < frames; frame++) {
      const position = (place.instance + frame) / Math.max(2, options.instances * frames);
      yield ctSlice({ rows, columns }, position % 1, { noise: place.noise, random });
    }
  }
  return {
    sopClassUid: syntheticSopClass(options),
    sopInstanceUid: uidOf(options.seed, `${place.study}/${place.instance}`),
    studyInstanceUid: uidOf(options.seed, `${place.study}`),
    transferSyntaxUid: EXPLICIT_LITTLE,
    byteLength: header.length + explicitHeader(0x7fe00010, 'OW', pixelBytes).length + pixelBytes,
    chunks,
    get dataSet() {
      return Buffer.concat([...chunks()]);
    },
  };
}

/** `2.25.` and a UUID as a decimal number (PS3.5 section B.2); version 8: made from a hash (RFC 9562 section 5.8). */
function uidOf(seed: number, path: string): string {
  const bytes = createHash('sha256').update(`causeway synthetic ${seed}/${path}`).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `2.25.${BigInt(`0x${bytes.toString('hex')}`)}`;
}

function headerOf(options: SyntheticOptions, place: Place): Buffer {
  const rows: Row[] = [...identification(options, place), ...geometry(options, place), ...pixelDescription(options)];
  const byTag = new Map([...rows, ...(options.attributes ?? [])].map((row) => [row[0], row]));
  return Buffer.concat([...byTag.values()].sort(([one], [other]) => one - other).map(([tag, vr, value]) => element(tag, vr, value)));
}

type Row = readonly [tag: number, vr: string, value: string | number];

function element(tag: number, vr: string, value: string | number): Buffer {
  if (typeof value === 'string') return encodeElement({ tag, vr, value: Buffer.from(value, 'utf8') });
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return encodeElement({ tag, vr, value: bytes });
}

/** No clock: the date is fixed, so that a seed means the same bytes on every day. */
const DATE = '20240102';

function identification(options: SyntheticOptions, { study, instance }: Place): Row[] {
  const { seed, modality = 'CT', institution = 'SYNTHETIC HOSPITAL' } = options;
  return [
    [0x00080005, 'CS', 'ISO_IR 192'],
    [0x00080008, 'CS', 'ORIGINAL\\PRIMARY\\AXIAL'],
    [0x00080016, 'UI', syntheticSopClass(options)],
    [0x00080018, 'UI', uidOf(seed, `${study}/${instance}`)],
    [0x00080020, 'DA', DATE],
    [0x00080030, 'TM', '101500'],
    [0x00080050, 'SH', `SYN${seed % 100_000}-${study}`],
    [0x00080060, 'CS', modality],
    [0x00080064, 'CS', 'SYN'],
    [0x00080070, 'LO', 'CAUSEWAY'],
    [0x00080080, 'LO', institution],
    [0x00080090, 'PN', ''],
    [0x00081030, 'LO', 'SYNTHETIC STUDY'],
    [0x00100010, 'PN', `SYNTHETIC^PATIENT ${study}`],
    [0x00100020, 'LO', `SYNTHETIC-${seed}-${study}`],
    [0x00100030, 'DA', '19700101'],
    [0x00100040, 'CS', 'O'],
    [0x0020000d, 'UI', uidOf(seed, `${study}`)],
    [0x0020000e, 'UI', uidOf(seed, `${study}/series`)],
    [0x00200010, 'SH', `${study}`],
    [0x00200011, 'IS', '1'],
    [0x00200013, 'IS', `${instance}`],
  ];
}

function geometry({ seed, frames = 1 }: SyntheticOptions, { study, instance }: Place): Row[] {
  if (frames > 1) return [[0x00280008, 'IS', `${frames}`]];
  return [
    [0x00180050, 'DS', '1'],
    [0x00200032, 'DS', `-180\\-180\\${instance}`],
    [0x00200037, 'DS', '1\\0\\0\\0\\1\\0'],
    [0x00200052, 'UI', uidOf(seed, `${study}/frame of reference`)],
    [0x00280030, 'DS', '0.7\\0.7'],
  ];
}

function pixelDescription({ rows = 512, columns = 512 }: SyntheticOptions): Row[] {
  return [
    [0x00280002, 'US', 1],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280010, 'US', rows],
    [0x00280011, 'US', columns],
    [0x00280100, 'US', 16],
    [0x00280101, 'US', 12],
    [0x00280102, 'US', 11],
    [0x00280103, 'US', 0],
    [0x00281050, 'DS', '1064'],
    [0x00281051, 'DS', '400'],
    [0x00281052, 'DS', '-1024'],
    [0x00281053, 'DS', '1'],
  ];
}
