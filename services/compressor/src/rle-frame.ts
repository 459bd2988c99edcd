// Decodes one RLE frame (PS3.5 Annex G): a second opinion on the codec's.

const HEADER_BYTES = 64;

/** Interleaved samples, little endian, `bytes` of them in all. Throws when the segments are not those that `sampleBytes` and `samples` a pixel need, or hold too little. */
export function decodeRle(frame: Uint8Array, format: { pixels: number; samples: number; sampleBytes: number }): Uint8Array {
  const { pixels, samples, sampleBytes } = format;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const segments = samples * sampleBytes;
  if (frame.length < HEADER_BYTES || view.getUint32(0, true) !== segments) throw new Error(`RLE header does not name ${segments} segments`);
  const decoded = new Uint8Array(pixels * segments);
  for (let segment = 0; segment < segments; segment++) {
    const start = view.getUint32(4 + 4 * segment, true);
    const end = segment + 1 < segments ? view.getUint32(8 + 4 * segment, true) : frame.length;
    if (start < HEADER_BYTES || end > frame.length || start > end) throw new Error(`RLE segment ${segment} is not within its frame`);
    // The first segment of a sample holds its most significant bytes (G.2).
    const sample = Math.floor(segment / sampleBytes);
    const place = sample * sampleBytes + (sampleBytes - 1 - (segment % sampleBytes));
    unpack(frame.subarray(start, end), decoded, { at: place, step: segments, pixels });
  }
  return decoded;
}

/** PackBits (G.3): n from 0 to 127 copies n + 1 bytes, -1 to -127 repeats one 1 - n times, -128 is nothing. */
function unpack(bytes: Uint8Array, target: Uint8Array, { at: place, step, pixels }: { at: number; step: number; pixels: number }): void {
  const end = place + pixels * step;
  let to = place;
  for (let at = 0; at < bytes.length && to < end; ) {
    const control = bytes[at++]!;
    if (control < 128) {
      for (const stop = Math.min(bytes.length, at + control + 1); at < stop && to < end; to += step) target[to] = bytes[at++]!;
    } else if (control > 128) {
      if (at === bytes.length) break;
      const value = bytes[at++]!;
      for (const stop = Math.min(end, to + (257 - control) * step); to < stop; to += step) target[to] = value;
    }
  }
  if (to < end) throw new Error(`RLE segment ends after ${(to - place) / step} of ${pixels} pixels`);
}
