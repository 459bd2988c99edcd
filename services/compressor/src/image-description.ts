// Reads from a scanned header what the pixel data is said to be (PS3.3 C.7.6.3, C.7.6.6). It judges nothing; compressible.ts does.
import type { DataSetScan } from '@causeway/shared/dicom/part10/data-set-scanner';

const TAGS = {
  samplesPerPixel: '00280002',
  photometricInterpretation: '00280004',
  planarConfiguration: '00280006',
  numberOfFrames: '00280008',
  rows: '00280010',
  columns: '00280011',
  bitsAllocated: '00280100',
  bitsStored: '00280101',
  highBit: '00280102',
  pixelRepresentation: '00280103',
} as const;

/** For the scanner's `wanted`. */
export const IMAGE_PATHS: readonly string[] = Object.values(TAGS);

/** An attribute is undefined when it is absent or not a single value of its VR. */
export interface ImageDescription {
  readonly samplesPerPixel?: number;
  readonly photometricInterpretation?: string;
  readonly planarConfiguration?: number;
  /** Absent in single-frame objects; NaN: present and not a whole number above 0. */
  readonly numberOfFrames?: number;
  readonly rows?: number;
  readonly columns?: number;
  readonly bitsAllocated?: number;
  readonly bitsStored?: number;
  readonly highBit?: number;
  readonly pixelRepresentation?: number;
  /** Tag, 8 upper-case hex digits, and value length, -1: undefined length (fragments). Absent: the data set has no pixel data. */
  readonly pixelData?: { readonly tag: string; readonly length: number };
  /** The data set carries digital signatures (MAC Parameters Sequence (4FFE,0001), PS3.3 C.12.1.1.3). */
  readonly signedDigitally: boolean;
}

const MAC_PARAMETERS_SEQUENCE = 0x4ffe0001;

/** `scan`: of the header up to the pixel data at least. */
export function describeImage(scan: DataSetScan): ImageDescription {
  const shortOf = (path: string) => unsignedShort(scan.values.get(path));
  return {
    samplesPerPixel: shortOf(TAGS.samplesPerPixel),
    photometricInterpretation: text(scan.values.get(TAGS.photometricInterpretation)),
    planarConfiguration: shortOf(TAGS.planarConfiguration),
    numberOfFrames: integerString(scan.values.get(TAGS.numberOfFrames)),
    rows: shortOf(TAGS.rows),
    columns: shortOf(TAGS.columns),
    bitsAllocated: shortOf(TAGS.bitsAllocated),
    bitsStored: shortOf(TAGS.bitsStored),
    highBit: shortOf(TAGS.highBit),
    pixelRepresentation: shortOf(TAGS.pixelRepresentation),
    pixelData: scan.pixelData && { tag: hexTag(scan.pixelData.tag), length: scan.pixelData.length },
    signedDigitally: scan.elements.some(({ tag }) => tag === MAC_PARAMETERS_SEQUENCE),
  };
}

const hexTag = (tag: number): string => (tag >>> 0).toString(16).padStart(8, '0').toUpperCase();

const unsignedShort = (value: Buffer | undefined): number | undefined => (value?.length === 2 ? value.readUInt16LE() : undefined);

function text(value: Buffer | undefined): string | undefined {
  const trimmed = value?.toString('latin1').replace(/^ +|[ \0]+$/g, '');
  return trimmed === '' ? undefined : trimmed;
}

/** IS: up to 12 characters, an optional sign, digits, spaces around (PS3.5 section 6.2). */
function integerString(value: Buffer | undefined): number | undefined {
  const written = text(value);
  if (written === undefined) return undefined;
  return /^\+?\d{1,11}$/.test(written) && Number(written) > 0 ? Number(written) : Number.NaN;
}
