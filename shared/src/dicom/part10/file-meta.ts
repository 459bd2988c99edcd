// Preamble and group 2 of a Part 10 file (PS3.10 section 7.1): what is in front of a data set.
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '../implementation.ts';
import { type ElementToWrite, encodeElement, textElement } from './element.ts';
import { ElementHeader, isGroup2At, UNDEFINED_LENGTH } from './element-header.ts';
import { DicomParseError } from './parse-error.ts';

const PREAMBLE_BYTES = 128;
const PREFIX = 'DICM';
const GROUP_2 = PREAMBLE_BYTES + PREFIX.length;
/** Group 2 is some hundred bytes; private information of others may be long. Beyond this the file is refused. */
const MAX_META_BYTES = 1024 * 1024;

/** UIDs without padding; titles and addresses trimmed. */
export interface FileMeta {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly sourceAe?: string;
  readonly sendingAe?: string;
  readonly receivingAe?: string;
  readonly sourceAddress?: string;
  readonly sendingAddress?: string;
  readonly receivingAddress?: string;
  /** Whose private information it is; goes with `privateInformation`. */
  readonly privateInformationCreatorUid?: string;
  readonly privateInformation?: Buffer;
}

type TextField = Exclude<keyof FileMeta, 'privateInformation'>;

/** In the order of their tags. */
const TEXT_FIELDS: readonly { readonly field: TextField; readonly tag: number; readonly vr: 'UI' | 'AE' | 'UR' }[] = [
  { field: 'sopClassUid', tag: 0x00020002, vr: 'UI' },
  { field: 'sopInstanceUid', tag: 0x00020003, vr: 'UI' },
  { field: 'transferSyntaxUid', tag: 0x00020010, vr: 'UI' },
  { field: 'sourceAe', tag: 0x00020016, vr: 'AE' },
  { field: 'sendingAe', tag: 0x00020017, vr: 'AE' },
  { field: 'receivingAe', tag: 0x00020018, vr: 'AE' },
  { field: 'sourceAddress', tag: 0x00020026, vr: 'UR' },
  { field: 'sendingAddress', tag: 0x00020027, vr: 'UR' },
  { field: 'receivingAddress', tag: 0x00020028, vr: 'UR' },
  { field: 'privateInformationCreatorUid', tag: 0x00020100, vr: 'UI' },
];
const PRIVATE_INFORMATION = 0x00020102;

/** Characters that a VR cannot hold become '_' (PS3.5 section 6.2): an AE title comes from the network and may be anything. */
function legalText(text: string, vr: 'UI' | 'AE' | 'UR'): string {
  const trimmed = text.trim();
  if (vr === 'AE') return trimmed.slice(0, 16).replace(/[^\x20-\x5b\x5d-\x7e]/g, '_');
  return trimmed.replace(/[^\x21-\x5b\x5d-\x7e]/g, '_');
}

function elementsOf(meta: FileMeta): ElementToWrite[] {
  const elements = [
    { tag: 0x00020001, vr: 'OB', value: Buffer.of(0x00, 0x01) },
    textElement(0x00020012, 'UI', IMPLEMENTATION_CLASS_UID),
    textElement(0x00020013, 'SH', IMPLEMENTATION_VERSION_NAME),
  ];
  for (const { field, tag, vr } of TEXT_FIELDS) {
    const text = legalText(meta[field] ?? '', vr);
    if (text !== '') elements.push(textElement(tag, vr, text));
  }
  if (meta.privateInformation !== undefined) elements.push({ tag: PRIVATE_INFORMATION, vr: 'OB', value: meta.privateInformation });
  return elements.sort((one, other) => one.tag - other.tag);
}

/** Preamble, prefix and group 2 in explicit VR little endian; the data set follows. Private information comes last and unpadded bytes of it are kept. */
export function encodeFileMeta(meta: FileMeta): Buffer {
  const group = Buffer.concat(elementsOf(meta).map((element) => encodeElement(element)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(group.length);
  const groupLength = encodeElement({ tag: 0x00020000, vr: 'UL', value: length });
  return Buffer.concat([Buffer.alloc(PREAMBLE_BYTES), Buffer.from(PREFIX, 'latin1'), groupLength, group]);
}

/**
 * Reads group 2 from the first bytes of a file. Undefined: more bytes are needed. Throws DicomParseError.
 * The group length decides where the data set begins (which may itself start with a stray group 2); where it is missing or wrong, the first other group does.
 */
export function parseFileMeta(head: Buffer): { meta: FileMeta; dataSetOffset: number } | undefined {
  if (head.length < GROUP_2) return undefined;
  if (head.toString('latin1', PREAMBLE_BYTES, GROUP_2) !== PREFIX) throw new DicomParseError('no DICM prefix', { offset: PREAMBLE_BYTES });
  const elements = new Map<number, Buffer>();
  const header = new ElementHeader();
  let at = GROUP_2;
  let end = Infinity;
  while (at !== end) {
    if (at > MAX_META_BYTES) throw new DicomParseError(`group 2 is longer than ${MAX_META_BYTES} bytes`, { offset: at });
    if (head.length < at + 8) return undefined;
    if (!isGroup2At(head, at)) break;
    if (!header.read(head, at, head.length)) return undefined;
    const valueAt = at + header.size;
    if (header.length === UNDEFINED_LENGTH) throw new DicomParseError('undefined length in group 2', { offset: at, tag: header.tag });
    at = valueAt + header.length;
    if (at > MAX_META_BYTES) continue;
    if (at > head.length) return undefined;
    const value = head.subarray(valueAt, at);
    if (header.tag === 0x00020000 && value.length === 4) end = at + value.readUInt32LE();
    elements.set(header.tag, value);
  }
  return { meta: metaOf(elements, at), dataSetOffset: at };
}

function metaOf(elements: Map<number, Buffer>, end: number): FileMeta {
  const texts: Partial<Record<TextField, string>> = {};
  for (const { field, tag } of TEXT_FIELDS) {
    const text = elements
      .get(tag)
      ?.toString('latin1')
      .replace(/^[\0 ]+|[\0 ]+$/g, '');
    if (text) texts[field] = text;
  }
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = texts;
  if (!sopClassUid || !sopInstanceUid || !transferSyntaxUid) {
    throw new DicomParseError('group 2 lacks SOP Class, SOP Instance or Transfer Syntax UID', { offset: end });
  }
  const information = elements.get(PRIVATE_INFORMATION);
  return {
    ...texts,
    sopClassUid,
    sopInstanceUid,
    transferSyntaxUid,
    ...(information && { privateInformation: Buffer.from(information) }),
  };
}

/** Reads only what it needs, then destroys the source. Throws DicomParseError when the source ends first. */
export async function readFileMeta(source: AsyncIterable<Buffer>): Promise<{ meta: FileMeta; dataSetOffset: number }> {
  let head = Buffer.alloc(0);
  // Leaving the loop early destroys a Readable.
  for await (const chunk of source) {
    head = Buffer.concat([head, chunk]);
    const read = parseFileMeta(head);
    if (read !== undefined) return read;
  }
  throw new DicomParseError('file ends within group 2', { offset: head.length });
}
