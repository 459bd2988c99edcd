// What the codec gives back, what it refuses, and that its proof can fail.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { CodecFailure } from './codec-failure.ts';
import { codecSamples, FrameNotSuitable } from './codec-samples.ts';
import { contradiction, readCodestreamHeader } from './codestream-header.ts';
import { loadFrameCodec } from './frame-codec.ts';
import type { FrameFormat } from './frame-format.ts';
import { grey, rgb, seededFrame, seededRandom } from './seeded-frames.ts';

const SYNTAXES: LosslessSyntax[] = ['htj2k-lossless', 'jpeg2000-lossless'];

function randomFormat(random: () => number): FrameFormat {
  const size = () => 2 + Math.floor(random() * 70);
  if (random() < 0.25) return rgb({ rows: size(), columns: size(), planarConfiguration: random() < 0.5 ? 0 : 1 });
  if (random() < 0.3) return grey({ rows: size(), columns: size(), bitsAllocated: 8, bitsStored: 2 + Math.floor(random() * 7) });
  return grey({ rows: size(), columns: size(), bitsStored: 9 + Math.floor(random() * 8), signed: random() < 0.5 });
}

for (const syntax of SYNTAXES) {
  describe(`${syntax} codec`, () => {
    it('proves random frames of every supported kind, and its header says what they are', async () => {
      let codec = await loadFrameCodec(syntax);
      const random = seededRandom(20260101);
      for (let round = 0; round < 120; round++) {
        const format = randomFormat(random);
        const source = seededFrame(format, { seed: round, noise: random() });
        try {
          assert.equal(contradiction(codec.encode(source, format).codestream, format, syntax), undefined);
        } catch (error) {
          // Noise of few bits may outgrow the encoder's buffer; that is a failure it must tell, never a wrong codestream.
          assert.ok(error instanceof CodecFailure && format.bitsStored < 8, `round ${round}: ${JSON.stringify(format)}: ${error}`);
          codec = await loadFrameCodec(syntax);
        }
      }
    });

    it('does not come through with signed samples of 8 bits, which its binding reads as unsigned', async () => {
      const codec = await loadFrameCodec(syntax);
      const format = grey({ bitsAllocated: 8, bitsStored: 7, signed: true });
      assert.throws(() => codec.encode(seededFrame(format, { seed: 1, noise: 1 }), format), CodecFailure);
    });

    it('refuses bits above High Bit instead of losing them', async () => {
      const codec = await loadFrameCodec(syntax);
      const format = grey({ bitsStored: 12 });
      const overlay = seededFrame(format, { seed: 1, noise: 0.1 });
      overlay[77 * 2 + 1]! |= 0x80;
      assert.throws(
        () => codec.encode(overlay, format),
        (error) => error instanceof FrameNotSuitable && /pixel cell 77/.test(error.message),
      );
      const signed = grey({ bitsStored: 12, signed: true });
      const notExtended = Buffer.alloc(32 * 32 * 2);
      notExtended.writeUInt16LE(0x0fff, 0);
      assert.throws(() => codec.encode(notExtended, signed), FrameNotSuitable);
      notExtended.writeUInt16LE(0xffff, 0);
      assert.ok(codec.encode(notExtended, signed).codestream.length > 0);
    });
  });
}

describe('codec samples', () => {
  it('interleaves planes, and leaves pixels as they are', () => {
    const planes = Buffer.from([1, 2, 3, 4, 11, 12, 13, 14, 21, 22, 23, 24]);
    const pixels = [1, 11, 21, 2, 12, 22, 3, 13, 23, 4, 14, 24];
    assert.deepEqual([...codecSamples(planes, rgb({ rows: 2, columns: 2, planarConfiguration: 1 }))], pixels);
    assert.deepEqual([...codecSamples(Buffer.from(pixels), rgb({ rows: 2, columns: 2 }))], pixels);
  });
});

describe('codestream header', () => {
  it('contradicts a codestream that is of another size, depth, sign, colour or coder', async () => {
    const format = grey({ bitsStored: 12 });
    const codec = await loadFrameCodec('htj2k-lossless');
    const { codestream } = codec.encode(seededFrame(format, { seed: 3, noise: 0.1 }), format);
    assert.deepEqual(readCodestreamHeader(codestream), {
      columns: 32,
      rows: 32,
      components: [{ precision: 12, signed: false }],
      colourTransform: false,
      reversible: true,
      highThroughput: true,
    });
    const others: Partial<FrameFormat>[] = [{ rows: 31 }, { columns: 33 }, { bitsStored: 11 }, { signed: true }, { samplesPerPixel: 3 }];
    for (const other of others) assert.ok(contradiction(codestream, { ...format, ...other }, 'htj2k-lossless') !== undefined);
    assert.match(contradiction(codestream, format, 'jpeg2000-lossless') ?? '', /block coder/);
  });

  it('throws on anything that is no whole main header, and never reads beyond the bytes', async () => {
    const format = grey({ bitsStored: 12, rows: 4, columns: 4 });
    const codec = await loadFrameCodec('jpeg2000-lossless');
    const { codestream } = codec.encode(seededFrame(format, { seed: 3, noise: 0.1 }), format);
    const random = seededRandom(5);
    for (let round = 0; round < 500; round++) {
      const broken = codestream.slice(0, Math.floor(random() * codestream.length));
      for (let flips = 0; flips < 3 && broken.length > 0; flips++)
        broken[Math.floor(random() * Math.min(broken.length, 120))] = Math.floor(random() * 256);
      try {
        readCodestreamHeader(broken);
      } catch (error) {
        assert.ok(error instanceof Error);
      }
    }
    for (const length of [0, 1, 3, 20]) assert.throws(() => readCodestreamHeader(codestream.slice(0, length)));
  });
});
