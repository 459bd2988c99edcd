// Pixels that compress as real ones do: smooth anatomy-like shapes under noise, deterministic by seed.

/** A small fast generator (mulberry32): the same numbers for the same seed on every machine. Not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface ImageShape {
  readonly rows: number;
  readonly columns: number;
}

/** Length of the noise table; a power of two. */
const NOISE_LENGTH = 1 << 16;
/** Standard deviation of a normal-dose CT slice, Hounsfield units: JPEG-LS reaches 2.6:1, within what real slices give. */
const NOISE_SIGMA = 12;

export function noiseTable(random: () => number): Int16Array {
  const table = new Int16Array(NOISE_LENGTH);
  // The sum of four uniform numbers is close enough to normal; its standard deviation is sqrt(4/12).
  for (let at = 0; at < NOISE_LENGTH; at++)
    table[at] = Math.round(((random() + random() + random() + random() - 2) / Math.sqrt(4 / 12)) * NOISE_SIGMA);
  return table;
}

/** Stored values, 12 bits used, rescale intercept -1024: air 24, lung 300, soft tissue 1070, bone 1900. */
const AIR = 24;
const LUNG = 300;
const TISSUE = 1070;
const BONE = 1900;

interface Ellipse {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly value: number;
}

/** One slice, 16 bits a pixel, little endian. `position` 0..1: where in the body. */
export function ctSlice(shape: ImageShape, position: number, source: { noise: Int16Array; random: () => number }): Buffer {
  const { rows, columns } = shape;
  const pixels = new Uint16Array(rows * columns);
  const ellipses = anatomy(position);
  for (let row = 0; row < rows; row++) {
    const line = pixels.subarray(row * columns, (row + 1) * columns);
    line.fill(AIR);
    for (const ellipse of ellipses) paintLine(line, (row + 0.5) / rows - 0.5, ellipse);
    addNoise(line, source.noise, Math.floor(source.random() * NOISE_LENGTH));
  }
  return Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
}

function anatomy(position: number): Ellipse[] {
  const swell = 0.85 + 0.15 * Math.sin(position * Math.PI);
  const lung = 0.1 + 0.08 * Math.sin(position * 2 * Math.PI);
  return [
    { x: 0, y: 0, width: 0.42 * swell, height: 0.32 * swell, value: TISSUE },
    { x: -0.17, y: -0.03, width: lung, height: 0.19 * swell, value: LUNG },
    { x: 0.17, y: -0.03, width: lung, height: 0.19 * swell, value: LUNG },
    { x: 0, y: 0.2 * swell, width: 0.05, height: 0.05, value: BONE },
    { x: 0.04 * position, y: -0.05, width: 0.07, height: 0.08, value: TISSUE + 60 },
  ];
}

function paintLine(line: Uint16Array, y: number, ellipse: Ellipse): void {
  const inside = 1 - ((y - ellipse.y) / ellipse.height) ** 2;
  if (inside <= 0) return;
  const half = ellipse.width * Math.sqrt(inside);
  const from = Math.max(0, Math.round((0.5 + ellipse.x - half) * line.length));
  const to = Math.min(line.length, Math.round((0.5 + ellipse.x + half) * line.length));
  if (to > from) line.fill(ellipse.value, from, to);
}

const MOST_VALUE = 4095;

function addNoise(line: Uint16Array, noise: Int16Array, start: number): void {
  for (let at = 0; at < line.length; at++) {
    const value = line[at]! + noise[(start + at) & (NOISE_LENGTH - 1)]!;
    line[at] = Math.max(0, Math.min(value, MOST_VALUE));
  }
}
