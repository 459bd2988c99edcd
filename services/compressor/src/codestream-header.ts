// Reads the main header of a JPEG 2000 or HTJ2K codestream (ISO/IEC 15444-1 Annex A): a second opinion on what the encoder was told.
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import type { FrameFormat } from './frame-format.ts';

const SOC = 0xff4f;
const SIZ = 0xff51;
const CAP = 0xff50;
const COD = 0xff52;
const SOT = 0xff90;
/** Pcap bit 15 (counted from 1 at the most significant): Part 15, high throughput (ISO/IEC 15444-15 A.3). */
const PCAP_HT = 1 << 17;
const REVERSIBLE_5_3 = 1;

export interface CodestreamHeader {
  columns: number;
  rows: number;
  components: { precision: number; signed: boolean }[];
  colourTransform: boolean;
  reversible: boolean;
  highThroughput: boolean;
}

/** Throws when the bytes do not begin with a main header that names size and coding style. */
export function readCodestreamHeader(bytes: Uint8Array): CodestreamHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== SOC) throw new Error('codestream does not begin with SOC');
  const header: Partial<CodestreamHeader> = { highThroughput: false };
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = view.getUint16(at);
    if (marker === SOT) break;
    const length = view.getUint16(at + 2);
    if (marker < 0xff00 || length < 2 || at + 2 + length > bytes.length) throw new Error(`codestream marker segment at ${at} is broken`);
    readSegment(marker, new DataView(view.buffer, view.byteOffset + at + 4, length - 2), header);
    at += 2 + length;
  }
  if (header.components === undefined || header.reversible === undefined)
    throw new Error('codestream has no SIZ or COD before its first tile');
  return header as CodestreamHeader;
}

function readSegment(marker: number, body: DataView, header: Partial<CodestreamHeader>): void {
  if (marker === SIZ) Object.assign(header, readSize(body));
  if (marker === CAP) header.highThroughput = (body.getUint32(0) & PCAP_HT) !== 0;
  if (marker === COD) {
    header.colourTransform = body.getUint8(4) !== 0;
    header.reversible = body.getUint8(9) === REVERSIBLE_5_3;
  }
}

/** SIZ, A.5.1: Rsiz, Xsiz, Ysiz, XOsiz, YOsiz, XTsiz, YTsiz, XTOsiz, YTOsiz, Csiz, then Ssiz, XRsiz, YRsiz a component. */
function readSize(body: DataView): Pick<CodestreamHeader, 'columns' | 'rows' | 'components'> {
  const count = body.getUint16(34);
  const components = Array.from({ length: count }, (_, index) => {
    const depth = body.getUint8(36 + index * 3);
    return { precision: (depth & 0x7f) + 1, signed: (depth & 0x80) !== 0 };
  });
  return { columns: body.getUint32(2) - body.getUint32(10), rows: body.getUint32(6) - body.getUint32(14), components };
}

/** What in the codestream contradicts the frame or the transfer syntax; undefined: nothing does. */
export function contradiction(bytes: Uint8Array, format: FrameFormat, syntax: LosslessSyntax): string | undefined {
  const header = readCodestreamHeader(bytes);
  if (header.columns !== format.columns || header.rows !== format.rows) return `codestream is ${header.columns} x ${header.rows}`;
  if (header.components.length !== format.samplesPerPixel) return `codestream has ${header.components.length} components`;
  const odd = header.components.find(({ precision, signed }) => precision !== format.bitsStored || signed !== format.signed);
  if (odd !== undefined) return `codestream samples are ${odd.precision} bits ${odd.signed ? 'signed' : 'unsigned'}`;
  if (!header.reversible) return 'codestream is not reversible';
  if (header.colourTransform !== (format.samplesPerPixel === 3)) return 'codestream colour transform is not as declared';
  if (header.highThroughput !== (syntax === 'htj2k-lossless')) return 'codestream block coder is not that of the transfer syntax';
  return undefined;
}
