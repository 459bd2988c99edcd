// What one uncompressed frame looks like, as the codecs must know it (PS3.3 C.7.6.3).

export interface FrameFormat {
  readonly rows: number;
  readonly columns: number;
  readonly samplesPerPixel: 1 | 3;
  readonly bitsAllocated: 8 | 16;
  readonly bitsStored: number;
  /** Pixel Representation 1. */
  readonly signed: boolean;
  /** 0: RGBRGB..., 1: RRR...GGG...BBB... (PS3.3 C.7.6.3.1.3). */
  readonly planarConfiguration: 0 | 1;
}

/** Bytes of one uncompressed frame. */
export function frameBytes(format: Pick<FrameFormat, 'rows' | 'columns' | 'samplesPerPixel' | 'bitsAllocated'>): number {
  return format.rows * format.columns * format.samplesPerPixel * (format.bitsAllocated / 8);
}
