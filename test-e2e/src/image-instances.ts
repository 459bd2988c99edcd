// Images of the kinds that modalities send uncompressed, with seeded pixels, private elements and a sequence, as explicit VR little endian data sets.
import { createHash } from 'node:crypto';
import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { seededRandom } from '../../deploy/standalone/src/send/synthetic-image.ts';

export interface ImageKind {
  readonly name: string;
  readonly sopClassUid: string;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  readonly signed: boolean;
  readonly samplesPerPixel: 1 | 3;
  readonly planarConfiguration?: 0 | 1;
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
}

export interface ImageInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly dataSet: Buffer;
  /** Of each frame: samples interleaved by pixel, little endian. */
  readonly frames: readonly Buffer[];
}

/** The same instance for the same kind and seed. */
export function imageInstance(kind: ImageKind, seed: number): ImageInstance {
  const studyInstanceUid = uidOf(`${kind.name} ${seed}`);
  const [seriesInstanceUid, sopInstanceUid] = [`${studyInstanceUid}.1`, `${studyInstanceUid}.1.1`];
  const random = seededRandom(seed);
  const frames = Array.from({ length: kind.frames }, () => frameOf(kind, random));
  const stored = frames.map((frame) => (kind.planarConfiguration === 1 ? byPlane(frame) : frame));
  const rows = [...identification({ ...kind, studyInstanceUid, seriesInstanceUid, sopInstanceUid }), ...pixelDescription(kind)];
  const pixels = encodeElement({ tag: 0x7fe00010, vr: kind.bitsAllocated === 8 ? 'OB' : 'OW', value: Buffer.concat(stored) });
  const after = encodeElement({ tag: 0xfffcfffc, vr: 'OB', value: Buffer.from([1, 2, 3, 4]) });
  const header = rows.sort(([one], [other]) => one - other).map(([tag, vr, value]) => encodeElement({ tag, vr, value }));
  return {
    ...{ sopClassUid: kind.sopClassUid, sopInstanceUid, studyInstanceUid, seriesInstanceUid, frames },
    dataSet: Buffer.concat([...header, pixels, after]),
  };
}

const uidOf = (text: string): string => `2.25.${BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 28)}`)}`;

/** A gradient under noise, over the whole range of values: first and last of it occur. */
function frameOf({ rows, columns, samplesPerPixel, bitsAllocated, bitsStored, signed }: ImageKind, random: () => number): Buffer {
  const count = rows * columns * samplesPerPixel;
  const frame = Buffer.alloc(count * (bitsAllocated / 8));
  const [least, range] = [signed ? -(2 ** (bitsStored - 1)) : 0, 2 ** bitsStored - 1];
  for (let at = 0; at < count; at++) {
    const smooth = (at / count) * 0.9 + random() * 0.1;
    const value = at === 0 ? least : at === 1 ? least + range : least + Math.round(smooth * range);
    if (bitsAllocated === 8) frame.writeUInt8(value & 0xff, at);
    else frame.writeUInt16LE(value & 0xffff, at * 2);
  }
  return frame;
}

/** RGBRGB... to RR...GG...BB... */
function byPlane(frame: Buffer): Buffer {
  const pixels = frame.length / 3;
  return Buffer.from(frame.map((_, at) => frame[(at % pixels) * 3 + Math.floor(at / pixels)]!));
}

type Row = [tag: number, vr: string, value: Buffer];
const text = (tag: number, vr: string, value: string): Row => [tag, vr, Buffer.from(value, 'latin1')];
function number(tag: number, value: number): Row {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return [tag, 'US', bytes];
}

function identification(ids: Omit<ImageInstance, 'dataSet' | 'frames'>): Row[] {
  const item = encodeElement({ tag: 0x00080100, vr: 'SH', value: Buffer.from('T-D4000 ') });
  const itemHeader = Buffer.from([0xfe, 0xff, 0x00, 0xe0, item.length, 0, 0, 0]);
  return [
    text(0x00080005, 'CS', 'ISO_IR 100'),
    text(0x00080016, 'UI', ids.sopClassUid),
    text(0x00080018, 'UI', ids.sopInstanceUid),
    text(0x00080020, 'DA', '20240101'),
    text(0x00080060, 'CS', 'OT'),
    // An odd value with the padding of a careless sender, a private block, text of 8 bits, a sequence: all to be kept byte for byte.
    text(0x00080080, 'LO', 'Klinikum S\u00fcd  '),
    [0x00082218, 'SQ', Buffer.concat([itemHeader, item])],
    text(0x00090010, 'LO', 'CAUSEWAY TEST'),
    [0x00091001, 'UN', Buffer.from([0, 255, 1, 254, 2, 253])],
    text(0x00100010, 'PN', 'Pixels^Of'),
    text(0x00100020, 'LO', 'PIXELS'),
    text(0x0020000d, 'UI', ids.studyInstanceUid),
    text(0x0020000e, 'UI', ids.seriesInstanceUid),
  ];
}

function pixelDescription(kind: ImageKind): Row[] {
  const { samplesPerPixel, planarConfiguration, frames, rows, columns, bitsAllocated, bitsStored, signed } = kind;
  const described = [
    number(0x00280002, samplesPerPixel),
    text(0x00280004, 'CS', samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2'),
    number(0x00280010, rows),
    number(0x00280011, columns),
    number(0x00280100, bitsAllocated),
    number(0x00280101, bitsStored),
    number(0x00280102, bitsStored - 1),
    number(0x00280103, signed ? 1 : 0),
  ];
  if (planarConfiguration !== undefined) described.push(number(0x00280006, planarConfiguration));
  if (frames > 1) described.push(text(0x00280008, 'IS', String(frames)));
  return described;
}
