// For tests: frames of every kind from a seed, so that a failure can be repeated.
import type { FrameFormat } from './frame-format.ts';
import { frameBytes } from './frame-format.ts';

/** Mulberry32: uniform in [0, 1), the same series for the same seed. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const grey = (over: Partial<FrameFormat> = {}): FrameFormat => ({
  rows: 32,
  columns: 32,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 16,
  signed: false,
  planarConfiguration: 0,
  ...over,
});

export const rgb = (over: Partial<FrameFormat> = {}): FrameFormat => grey({ samplesPerPixel: 3, bitsAllocated: 8, bitsStored: 8, ...over });

/** A slope with noise over the whole range of values; `noise` 0..1 (1: nothing but noise). */
export function seededFrame(format: FrameFormat, { seed, noise }: { seed: number; noise: number }): Buffer {
  const random = seededRandom(seed);
  const range = 2 ** format.bitsStored;
  const lowest = format.signed ? -range / 2 : 0;
  const frame = Buffer.alloc(frameBytes(format));
  const cells = frame.length / (format.bitsAllocated / 8);
  for (let index = 0; index < cells; index++) {
    const slope = (index % format.columns) / format.columns;
    const value = lowest + Math.min(range - 1, Math.floor((slope * (1 - noise) + random() * noise) * range));
    if (format.bitsAllocated === 8) frame[index] = value & 0xff;
    else frame.writeUInt16LE(value & 0xffff, index * 2);
  }
  return frame;
}
