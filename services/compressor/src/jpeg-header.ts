// Reads the markers in front of the first scan of a JPEG, JPEG lossless or JPEG-LS codestream (ITU-T T.81 Annex B, T.87 Annex C).

const SOI = 0xffd8;
const SOS = 0xffda;
const APP0 = 0xffe0;
const APP14 = 0xffee;
/** Start of frame: SOF0 to SOF15 without DHT, JPG and DAC; SOF55 is JPEG-LS. */
const SOF55 = 0xfff7;
const isStartOfFrame = (marker: number): boolean =>
  marker === SOF55 || (marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker));

export interface JpegHeader {
  /** Low byte of the start of frame: C0 baseline, C1 extended, C3 lossless, F7 JPEG-LS. */
  process: number;
  precision: number;
  rows: number;
  columns: number;
  components: number;
  /** Components have different sampling factors: colour was reduced, so they are no RGB. */
  subsampled: boolean;
  /** The markers say that three components are YCbCr: JFIF (T.871), or Adobe's APP14 with transform 1 (T.872 6.5.3). */
  saysYcbcr: boolean;
  /** NEAR of JPEG-LS: 0 is lossless. 0 for others. */
  near: number;
}

/** Throws when the bytes have no start of frame before a first scan. */
export function readJpegHeader(bytes: Uint8Array): JpegHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || view.getUint16(0) !== SOI) throw new Error('codestream does not begin with SOI');
  const header: Partial<JpegHeader> = {};
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = view.getUint16(at);
    // Any number of FF may stand before a marker (B.1.1.2).
    if (marker === 0xffff) {
      at += 1;
      continue;
    }
    const length = view.getUint16(at + 2);
    if (marker < 0xff01 || length < 2 || at + 2 + length > bytes.length) throw new Error(`marker segment at ${at} is broken`);
    readSegment(marker, new DataView(view.buffer, view.byteOffset + at + 4, length - 2), header);
    if (marker === SOS) break;
    at += 2 + length;
  }
  if (header.process === undefined || header.near === undefined) throw new Error('no start of frame before a first scan');
  return { subsampled: false, saysYcbcr: false, ...header } as JpegHeader;
}

function readSegment(marker: number, body: DataView, header: Partial<JpegHeader>): void {
  if (isStartOfFrame(marker)) Object.assign(header, readFrame(marker, body));
  if (marker === APP0 && startsWith(body, 'JFIF\0')) header.saysYcbcr ??= true;
  // Adobe's marker goes before JFIF's: it says what was done.
  if (marker === APP14 && startsWith(body, 'Adobe') && body.byteLength >= 12) header.saysYcbcr = body.getUint8(11) === 1;
  if (marker === SOS) header.near = header.process === 0xf7 ? body.getUint8(1 + 2 * body.getUint8(0)) : 0;
}

function startsWith(body: DataView, text: string): boolean {
  return Buffer.from(body.buffer, body.byteOffset, Math.min(text.length, body.byteLength)).toString('latin1') === text;
}

/** P, Y, X, Nf, then C, H and V, Tq a component (B.2.2). */
function readFrame(marker: number, body: DataView): Omit<JpegHeader, 'saysYcbcr' | 'near'> {
  const components = body.getUint8(5);
  const sampling = Array.from({ length: components }, (_, index) => body.getUint8(7 + 3 * index));
  return {
    process: marker & 0xff,
    precision: body.getUint8(0),
    rows: body.getUint16(1),
    columns: body.getUint16(3),
    components,
    subsampled: sampling.some((factors) => factors !== sampling[0]),
  };
}
