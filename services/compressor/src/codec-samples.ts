// Turns the stored pixel cells of a frame into the samples a codec takes, or says why it cannot be done without changing a bit.
import type { FrameFormat } from './frame-format.ts';
import { Unsuitable } from './unsuitable.ts';

/** The frame holds something that the codec would not give back. The thread that found it is healthy. */
export class FrameNotSuitable extends Unsuitable {
  override readonly name = 'FrameNotSuitable';
}

/**
 * Samples interleaved by pixel, one byte a sample up to 8 bits, else two, little endian.
 * Throws FrameNotSuitable when bits above High Bit are in use (old overlays, padding patterns): a codestream of Bits Stored would lose them.
 */
export function codecSamples(pixels: Uint8Array, format: FrameFormat): Uint8Array {
  refuseBitsAboveHighBit(pixels, format);
  return format.samplesPerPixel === 3 && format.planarConfiguration === 1 ? interleave(pixels, format.samplesPerPixel) : pixels;
}

/** Unsigned cells must be zero above the High Bit, signed ones must repeat the sign. */
function refuseBitsAboveHighBit(pixels: Uint8Array, { bitsAllocated, bitsStored, signed }: FrameFormat): void {
  if (bitsStored === bitsAllocated) return;
  const shift = 32 - bitsStored;
  const cells = cellsOf(pixels, bitsAllocated, signed);
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index]!;
    const kept = signed ? (cell << shift) >> shift : (cell << shift) >>> shift;
    if (kept !== cell) throw new FrameNotSuitable(`bits above High Bit ${bitsStored - 1} are in use (pixel cell ${index})`);
  }
}

function cellsOf(pixels: Uint8Array, bitsAllocated: 8 | 16, signed: boolean): Uint8Array | Int8Array | Uint16Array | Int16Array {
  const { buffer, byteOffset, byteLength } = pixels;
  if (bitsAllocated === 8) return signed ? new Int8Array(buffer, byteOffset, byteLength) : pixels;
  return signed ? new Int16Array(buffer, byteOffset, byteLength / 2) : new Uint16Array(buffer, byteOffset, byteLength / 2);
}

/** Planes of bytes to pixels of bytes. */
function interleave(planes: Uint8Array, samplesPerPixel: number): Uint8Array {
  const pixelCount = planes.length / samplesPerPixel;
  const interleaved = new Uint8Array(planes.length);
  for (let sample = 0; sample < samplesPerPixel; sample++) {
    const plane = sample * pixelCount;
    for (let pixel = 0; pixel < pixelCount; pixel++) interleaved[pixel * samplesPerPixel + sample] = planes[plane + pixel]!;
  }
  return interleaved;
}
