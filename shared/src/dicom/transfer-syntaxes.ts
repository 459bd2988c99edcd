// The transfer syntaxes a stored data set can have, as a table (PS3.5 section 10 and Annex A, PS3.6 table A-1).

/**
 * What the syntax says about the pixel data: `either` allows lossless and lossy streams (the stream itself or (0028,2110) decides),
 * `reference` holds a URL instead of pixels (JPIP).
 */
export type TransferSyntaxKind = 'uncompressed' | 'lossless' | 'lossy' | 'either' | 'video' | 'reference';

export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly explicitVr: boolean;
  readonly littleEndian: boolean;
  /** Pixel data is a sequence of fragments of undefined length (PS3.5 A.4). */
  readonly encapsulated: boolean;
  /** The whole data set is one deflate stream (PS3.5 A.5). */
  readonly deflated: boolean;
  readonly kind: TransferSyntaxKind;
}

export const IMPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_VR_BIG_ENDIAN = '1.2.840.10008.1.2.2';

const plain = { littleEndian: true, encapsulated: false, deflated: false, kind: 'uncompressed' } as const;
const referenced = { explicitVr: true, littleEndian: true, encapsulated: false, deflated: false, kind: 'reference' } as const;
const encapsulated = { explicitVr: true, littleEndian: true, encapsulated: true, deflated: false } as const;

/** Not listed: RFC 2557 MIME and XML encodings (no data set streams) and SMPTE ST 2110 (real-time video, PS3.22). */
const ROWS: readonly TransferSyntax[] = [
  { uid: '1.2.840.10008.1.2', name: 'Implicit VR Little Endian', explicitVr: false, ...plain },
  { uid: '1.2.840.10008.1.20', name: 'Papyrus 3 Implicit VR Little Endian (retired)', explicitVr: false, ...plain },
  { uid: '1.2.840.10008.1.2.1', name: 'Explicit VR Little Endian', explicitVr: true, ...plain },
  { uid: '1.2.840.10008.1.2.1.98', name: 'Encapsulated Uncompressed Explicit VR Little Endian', ...encapsulated, kind: 'uncompressed' },
  { uid: '1.2.840.10008.1.2.1.99', name: 'Deflated Explicit VR Little Endian', explicitVr: true, ...plain, deflated: true },
  { uid: '1.2.840.10008.1.2.2', name: 'Explicit VR Big Endian (retired)', explicitVr: true, ...plain, littleEndian: false },
  { uid: '1.2.840.10008.1.2.4.50', name: 'JPEG Baseline (Process 1)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.51', name: 'JPEG Extended (Process 2 and 4)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.52', name: 'JPEG Extended (Process 3 and 5) (retired)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.53', name: 'JPEG Spectral Selection (Process 6 and 8) (retired)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.54', name: 'JPEG Spectral Selection (Process 7 and 9) (retired)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.55', name: 'JPEG Full Progression (Process 10 and 12) (retired)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.56', name: 'JPEG Full Progression (Process 11 and 13) (retired)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.57', name: 'JPEG Lossless (Process 14)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.58', name: 'JPEG Lossless (Process 15) (retired)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.59', name: 'JPEG Extended, Hierarchical (Process 16 and 18) (retired)', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.60', name: 'JPEG Extended, Hierarchical (Process 17 and 19) (retired)', ...encapsulated, kind: 'lossy' },
  {
    uid: '1.2.840.10008.1.2.4.61',
    name: 'JPEG Spectral Selection, Hierarchical (Process 20 and 22) (retired)',
    ...encapsulated,
    kind: 'lossy',
  },
  {
    uid: '1.2.840.10008.1.2.4.62',
    name: 'JPEG Spectral Selection, Hierarchical (Process 21 and 23) (retired)',
    ...encapsulated,
    kind: 'lossy',
  },
  {
    uid: '1.2.840.10008.1.2.4.63',
    name: 'JPEG Full Progression, Hierarchical (Process 24 and 26) (retired)',
    ...encapsulated,
    kind: 'lossy',
  },
  {
    uid: '1.2.840.10008.1.2.4.64',
    name: 'JPEG Full Progression, Hierarchical (Process 25 and 27) (retired)',
    ...encapsulated,
    kind: 'lossy',
  },
  { uid: '1.2.840.10008.1.2.4.65', name: 'JPEG Lossless, Hierarchical (Process 28) (retired)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.66', name: 'JPEG Lossless, Hierarchical (Process 29) (retired)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.70', name: 'JPEG Lossless, First-Order Prediction (Process 14, SV1)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.80', name: 'JPEG-LS Lossless', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.81', name: 'JPEG-LS Near-Lossless', ...encapsulated, kind: 'either' },
  { uid: '1.2.840.10008.1.2.4.90', name: 'JPEG 2000 (Lossless Only)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.91', name: 'JPEG 2000', ...encapsulated, kind: 'either' },
  { uid: '1.2.840.10008.1.2.4.92', name: 'JPEG 2000 Part 2 Multi-component (Lossless Only)', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.93', name: 'JPEG 2000 Part 2 Multi-component', ...encapsulated, kind: 'either' },
  { uid: '1.2.840.10008.1.2.4.94', name: 'JPIP Referenced', ...referenced },
  { uid: '1.2.840.10008.1.2.4.95', name: 'JPIP Referenced Deflate', ...referenced, deflated: true },
  { uid: '1.2.840.10008.1.2.4.100', name: 'MPEG2 Main Profile / Main Level', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.100.1', name: 'Fragmentable MPEG2 Main Profile / Main Level', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.101', name: 'MPEG2 Main Profile / High Level', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.101.1', name: 'Fragmentable MPEG2 Main Profile / High Level', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.102', name: 'MPEG-4 AVC/H.264 High Profile / Level 4.1', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.102.1', name: 'Fragmentable MPEG-4 AVC/H.264 High Profile / Level 4.1', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.103', name: 'MPEG-4 AVC/H.264 BD-compatible High Profile / Level 4.1', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.103.1', name: 'Fragmentable MPEG-4 AVC/H.264 BD-compatible / Level 4.1', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.104', name: 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 2D Video', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.104.1', name: 'Fragmentable MPEG-4 AVC/H.264 Level 4.2 For 2D Video', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.105', name: 'MPEG-4 AVC/H.264 High Profile / Level 4.2 For 3D Video', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.105.1', name: 'Fragmentable MPEG-4 AVC/H.264 Level 4.2 For 3D Video', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.106', name: 'MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2', ...encapsulated, kind: 'video' },
  {
    uid: '1.2.840.10008.1.2.4.106.1',
    name: 'Fragmentable MPEG-4 AVC/H.264 Stereo High Profile / Level 4.2',
    ...encapsulated,
    kind: 'video',
  },
  { uid: '1.2.840.10008.1.2.4.107', name: 'HEVC/H.265 Main Profile / Level 5.1', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.108', name: 'HEVC/H.265 Main 10 Profile / Level 5.1', ...encapsulated, kind: 'video' },
  { uid: '1.2.840.10008.1.2.4.110', name: 'JPEG XL Lossless', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.4.111', name: 'JPEG XL JPEG Recompression', ...encapsulated, kind: 'lossy' },
  { uid: '1.2.840.10008.1.2.4.112', name: 'JPEG XL', ...encapsulated, kind: 'either' },
  { uid: '1.2.840.10008.1.2.4.201', name: 'High-Throughput JPEG 2000 (Lossless Only)', ...encapsulated, kind: 'lossless' },
  {
    uid: '1.2.840.10008.1.2.4.202',
    name: 'High-Throughput JPEG 2000 with RPCL Options (Lossless Only)',
    ...encapsulated,
    kind: 'lossless',
  },
  { uid: '1.2.840.10008.1.2.4.203', name: 'High-Throughput JPEG 2000', ...encapsulated, kind: 'either' },
  { uid: '1.2.840.10008.1.2.4.204', name: 'JPIP HTJ2K Referenced', ...referenced },
  { uid: '1.2.840.10008.1.2.4.205', name: 'JPIP HTJ2K Referenced Deflate', ...referenced, deflated: true },
  { uid: '1.2.840.10008.1.2.5', name: 'RLE Lossless', ...encapsulated, kind: 'lossless' },
  { uid: '1.2.840.10008.1.2.8.1', name: 'Deflated Image Frame Compression', ...encapsulated, kind: 'lossless' },
];

/** By UID, in the order of PS3.6 table A-1. */
export const TRANSFER_SYNTAXES: ReadonlyMap<string, TransferSyntax> = new Map(ROWS.map((row) => [row.uid, row]));

/** `undefined`: not in the standard (a private or future syntax); nothing may be assumed about its bytes. */
export function transferSyntaxOf(uid: string): TransferSyntax | undefined {
  return TRANSFER_SYNTAXES.get(uid);
}
