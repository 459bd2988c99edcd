// Pixel identity by a decoder that is not ours: OpenJPEG's opj_decompress reads what both codecs wrote.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { codecSamples } from './codec-samples.ts';
import { loadFrameCodec } from './frame-codec.ts';
import type { FrameFormat } from './frame-format.ts';
import { grey, rgb, seededFrame } from './seeded-frames.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway-codec-'));
after(() => rmSync(folder, { recursive: true }));

/** Samples interleaved by pixel, little endian; opj_decompress writes planes, and cuts signed samples to their precision. */
function foreignSamples(codestream: Uint8Array, format: FrameFormat): Buffer {
  const [input, output] = [join(folder, 'frame.j2k'), join(folder, 'frame.rawl')];
  writeFileSync(input, codestream);
  execFileSync('opj_decompress', ['-i', input, '-o', output], { stdio: 'ignore' });
  const planes = readFileSync(output);
  const pixels = format.rows * format.columns;
  const samples = Buffer.alloc(planes.length);
  const width = format.bitsStored <= 8 ? 1 : 2;
  for (let index = 0; index < pixels * format.samplesPerPixel; index++) {
    const [sample, pixel] = [Math.floor(index / pixels), index % pixels];
    planes.copy(samples, (pixel * format.samplesPerPixel + sample) * width, index * width, (index + 1) * width);
  }
  return samples;
}

function cutToPrecision(samples: Uint8Array, { bitsStored }: FrameFormat): Buffer {
  const cut = Buffer.from(samples);
  if (bitsStored > 8) for (let at = 0; at < cut.length; at += 2) cut.writeUInt16LE(cut.readUInt16LE(at) & (2 ** bitsStored - 1), at);
  return cut;
}

const CASES: [string, FrameFormat][] = [
  ['8 bit grey', grey({ bitsAllocated: 8, bitsStored: 8 })],
  ['6 in 8 bit grey', grey({ bitsAllocated: 8, bitsStored: 6 })],
  ['CT-like signed 16 bit', grey({ signed: true })],
  ['unsigned 16 bit', grey()],
  ['12 in 16 unsigned', grey({ bitsStored: 12 })],
  ['12 in 16 signed', grey({ bitsStored: 12, signed: true })],
  ['15 in 16 signed', grey({ bitsStored: 15, signed: true })],
  ['10 in 16, odd sizes', grey({ bitsStored: 10, rows: 37, columns: 53 })],
  ['one very wide line', grey({ bitsStored: 12, rows: 1, columns: 4099 })],
  ['one column', grey({ bitsStored: 12, rows: 301, columns: 1 })],
  ['a single pixel', grey({ rows: 1, columns: 1 })],
  ['RGB by pixel', rgb({ rows: 61, columns: 47 })],
  ['RGB by plane', rgb({ rows: 61, columns: 47, planarConfiguration: 1 })],
];

for (const syntax of ['htj2k-lossless', 'jpeg2000-lossless'] satisfies LosslessSyntax[]) {
  describe(`${syntax} frames as opj_decompress reads them`, () => {
    for (const [name, format] of CASES) {
      it(`gives back every sample of ${name}`, async () => {
        const codec = await loadFrameCodec(syntax);
        for (const noise of [0.1, 1]) {
          const source = seededFrame(format, { seed: 7, noise });
          const { codestream } = codec.encode(source, format);
          assert.deepEqual(foreignSamples(codestream, format), cutToPrecision(codecSamples(source, format), format));
        }
      });
    }
  });
}
