// Uncompressed objects against other people's codecs: what DCMTK and GDCM make of the same file, and the pixels that DCMTK's encoders were given.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { CodecPool } from './codec-pool.ts';
import { deriveObject } from './derive-object.ts';
import { type FrameFormat, frameBytes } from './frame-format.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, rgb, seededFrame } from './seeded-frames.ts';
import { dataSet, MemoryStore, pixelModule, receivedObject } from './synthetic-object.ts';
import { uncompressObject } from './uncompress-object.ts';

const PYDICOM_FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const folder = mkdtempSync(join(tmpdir(), 'causeway-uncompressed-'));
const pool = new CodecPool({ threads: 2 });
after(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

const WANTED = {
  photometric: '00280004',
  planar: '00280006',
  bitsStored: '00280101',
  lossy: '00282110',
  ratio: '00282112',
  method: '00282114',
};

interface Read {
  readonly data: Buffer;
  readonly scan: DataSetScan;
  readonly pixels: Buffer;
  readonly said: Record<keyof typeof WANTED, string>;
}

async function read(file: Buffer): Promise<Read> {
  const { meta, dataSetOffset } = parseFileMeta(file)!;
  const data = file.subarray(dataSetOffset);
  const scanner = new DataSetScanner({ transferSyntaxUid: meta.transferSyntaxUid, wanted: Object.values(WANTED) });
  await scanner.write(data);
  const scan = await scanner.end();
  const text = (path: string): string => {
    const value = scan.values.get(path);
    return scan.vrs.get(path) === 'US' ? String(value?.readUInt16LE()) : (value?.toString('latin1').trim() ?? '');
  };
  const said = Object.fromEntries(Object.entries(WANTED).map(([name, path]) => [name, text(path)])) as Read['said'];
  return { data, scan, said, pixels: data.subarray(scan.pixelData!.valueOffset, scan.pixelData!.endOffset) };
}

/** As the compressor does it on `derivation.due`. */
async function uncompressed(file: Buffer): Promise<Read> {
  const { meta, dataSetOffset } = parseFileMeta(file)!;
  const store = new MemoryStore();
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = meta;
  const { bytes, instance } = receivedObject(file.subarray(dataSetOffset), { sopClassUid, sopInstanceUid, transferSyntaxUid });
  store.put(instance, bytes);
  const parts = { store, pool, frameMemory: new PrioritySemaphore({ capacity: 1 << 24 }), lookahead: 3 };
  const output = { profile: 'uncompressed', instance, sourceDigest: instance.digest, priority: 1 } as const;
  try {
    const ref = await uncompressObject(parts, instance, output);
    assert.equal(ref.transferSyntaxUid, '1.2.840.10008.1.2.1');
    return await read(store.objects.get(ref.objectKey)!);
  } finally {
    assert.equal(store.openUploads, 0);
  }
}

function run(tool: string, file: Buffer | string, ...options: string[]): Buffer {
  const [input, output] = [join(folder, 'in.dcm'), join(folder, 'out.dcm')];
  writeFileSync(input, typeof file === 'string' ? readFileSync(file) : file);
  execFileSync(tool, [...options, input, output], { stdio: 'pipe' });
  return readFileSync(output);
}

/** The elements that are neither pixels nor about their encoding, byte for byte. */
function others({ data, scan }: Read): Record<string, string> {
  const encoding = new Set([0x00280004, 0x00280006, 0x7fe00010, 0x00282110, 0x00282112, 0x00282114]);
  const kept = scan.elements.filter(({ tag }) => !encoding.has(tag) && (tag & 0xffff) !== 0);
  return Object.fromEntries(kept.map(({ tag, headerOffset, endOffset }) => [tag, data.subarray(headerOffset, endOffset).toString('hex')]));
}

const REAL: Record<string, [file: string, tool: string, ...options: string[]][]> = {
  'RLE, also of 16 and 32 bits, colour and frames': [
    ['MR_small_RLE', 'dcmdrle'],
    ['SC_rgb_rle', 'dcmdrle'],
    ['SC_rgb_rle_2frame', 'dcmdrle'],
    ['SC_rgb_rle_16bit_2frame', 'dcmdrle'],
    ['SC_rgb_rle_32bit_2frame', 'dcmdrle'],
    ['rtdose_rle', 'dcmdrle'],
  ],
  'JPEG-LS and JPEG lossless': [
    ['MR_small_jpeg_ls_lossless', 'dcmdjpls'],
    ['SC_rgb_jpeg_gdcm', 'dcmdjpeg'],
  ],
  'JPEG, 8 and 12 bits': [
    ['JPEG-lossy', 'dcmdjpeg'],
    ['JPGExtended', 'dcmdjpeg'],
    ['SC_rgb_dcmtk_+eb+cr', 'dcmdjpeg'],
    ['SC_rgb_dcmtk_+eb+cy+n1', 'dcmdjpeg'],
    ['SC_rgb_dcmtk_+eb+cy+n2', 'dcmdjpeg'],
    ['SC_rgb_dcmtk_+eb+cy+np', 'dcmdjpeg'],
    ['SC_rgb_dcmtk_+eb+cy+s2', 'dcmdjpeg'],
    ['SC_rgb_dcmtk_+eb+cy+s4', 'dcmdjpeg'],
    ['SC_rgb_jpeg_dcmtk', 'dcmdjpeg'],
    ['SC_rgb_small_odd_jpeg', 'dcmdjpeg'],
  ],
  'JPEG 2000': [
    ['MR_small_jp2klossless', 'gdcmconv', '--raw'],
    ['JPEG2000', 'gdcmconv', '--raw'],
    ['693_J2KI', 'gdcmconv', '--raw'],
    ['SC_rgb_gdcm_KY', 'gdcmconv', '--raw'],
  ],
};

describe('an uncompressed object of a real file', () => {
  for (const [kind, files] of Object.entries(REAL))
    for (const [name, tool, ...options] of files)
      it(`${name} (${kind}) has the pixels that ${tool} finds, and every other element as it was`, async () => {
        const path = join(PYDICOM_FILES, `${name}.dcm`);
        const ours = await uncompressed(readFileSync(path));
        const theirs = await read(run(tool, path, ...options));
        assert.ok(ours.pixels.equals(theirs.pixels));
        assert.equal(ours.said.photometric, theirs.said.photometric);
        const source = await read(readFileSync(path));
        assert.equal(ours.said.planar, source.said.planar === '' ? '' : '0');
        assert.deepEqual(others(ours), others(source));
        if (source.said.lossy === '01')
          assert.deepEqual(
            [ours.said.lossy, ours.said.ratio, ours.said.method],
            [source.said.lossy, source.said.ratio, source.said.method],
          );
        assert.equal(ours.said.lossy === '01', source.said.lossy === '01');
      });
});

const FORMATS: Record<string, FrameFormat> = {
  'unsigned 16 bits': grey({ rows: 33, columns: 47 }),
  'unsigned 12 bits': grey({ bitsStored: 12 }),
  'unsigned 8 bits': grey({ bitsAllocated: 8, bitsStored: 8, columns: 31, rows: 31 }),
  'signed 16 bits': grey({ signed: true }),
  'RGB, interleaved': rgb({ rows: 37, columns: 39 }),
  'RGB, in planes': rgb({ planarConfiguration: 1 }),
};
const ENCODERS: Record<string, [tool: string, ...options: string[]]> = {
  'JPEG lossless, first-order': ['dcmcjpeg', '+e1'],
  'JPEG lossless, predictor 4': ['dcmcjpeg', '+el', '+sv', '4'],
  'JPEG-LS lossless': ['dcmcjpls', '+el'],
  RLE: ['dcmcrle'],
};

/** DCMTK writes colour by pixel; samples of planes are put side by side here. */
function interleaved(pixels: Buffer, format: FrameFormat): Buffer {
  if (format.planarConfiguration === 0) return pixels;
  const frames = pixels.length / frameBytes(format);
  const plane = format.rows * format.columns;
  return Buffer.from(
    Array.from({ length: pixels.length }, (_, index) => {
      const [frame, inside] = [Math.floor(index / (3 * plane)), index % (3 * plane)];
      return pixels[frame * 3 * plane + (inside % 3) * plane + Math.floor(inside / 3)]!;
    }),
  ).subarray(0, frames * 3 * plane);
}

describe('frames that DCMTK encoded without loss', () => {
  for (const [encoder, [tool, ...options]] of Object.entries(ENCODERS))
    for (const [kind, format] of Object.entries(FORMATS))
      it(`${encoder}, ${kind}: the very pixels come back`, async () => {
        // DCMTK 3.6.7 mixes up the planes of several frames when it encodes JPEG.
        const frames = tool === 'dcmcjpeg' && format.planarConfiguration === 1 ? 1 : 3;
        const pixels = Buffer.concat(
          Array.from({ length: frames }, (_, frame) => frame + 1).map((seed) => seededFrame(format, { seed, noise: 0.1 })),
        );
        const data = dataSet({ elements: pixelModule(format, { frames }), pixels, pixelVr: format.bitsAllocated === 8 ? 'OB' : 'OW' });
        const { bytes } = receivedObject(data);
        const ours = await uncompressed(run(tool, bytes, ...options));
        assert.ok(ours.pixels.subarray(0, pixels.length).equals(interleaved(pixels, format)));
        assert.equal(ours.said.lossy, '');
      });
});

describe('frames that our own encoders made', () => {
  for (const syntax of ['htj2k-lossless', 'jpeg2000-lossless'] as const)
    for (const [kind, format] of Object.entries(FORMATS))
      it(`${syntax}, ${kind}, two frames: the very pixels come back`, async () => {
        const pixels = Buffer.concat([4, 5].map((seed) => seededFrame(format, { seed, noise: 0.02 })));
        const { bytes, instance } = receivedObject(dataSet({ elements: pixelModule(format, { frames: 2 }), pixels }));
        const store = new MemoryStore();
        store.put(instance, bytes);
        const parts = { store, pool, frameMemory: new PrioritySemaphore({ capacity: 1 << 24 }), lookahead: 3 };
        const derivation = await deriveObject(parts, { instance, syntax, priority: 1 });
        assert.equal(derivation.outcome, 'compressed');
        const ours = await uncompressed(store.objects.get(derivation.object!.objectKey)!);
        assert.ok(ours.pixels.subarray(0, pixels.length).equals(interleaved(pixels, format)));
        assert.equal(ours.said.photometric, format.samplesPerPixel === 3 ? 'RGB' : 'MONOCHROME2');
      });
});

describe('a lossy source', () => {
  it('that does not say so is said to be lossy, with ratio and method', async () => {
    const format = rgb();
    const data = dataSet({ elements: pixelModule(format), pixels: seededFrame(format, { seed: 1, noise: 0.1 }), pixelVr: 'OB' });
    const jpeg = run('dcmcjpeg', receivedObject(data).bytes, '+eb');
    const ours = await uncompressed(withoutLossyAttributes(jpeg));
    assert.deepEqual([ours.said.lossy, ours.said.method, ours.said.photometric], ['01', 'ISO_10918_1', 'RGB']);
    assert.match(ours.said.ratio, /^\d+\.\d\d$/);
  });
});

function withoutLossyAttributes(file: Buffer): Buffer {
  const path = join(folder, 'silent.dcm');
  writeFileSync(path, file);
  execFileSync('dcmodify', ['-nb', '-ie', '-imt', '-e', '(0028,2110)', '-e', '(0028,2112)', '-e', '(0028,2114)', path], { stdio: 'pipe' });
  return readFileSync(path);
}

const REFUSED: Record<string, RegExp> = {
  GDCMJ2K_TextGBR: /codestream does not begin with SOC/,
  J2K_pixelrep_mismatch: /codestream samples are unsigned, Pixel Representation is 1/,
  'JPEG2000-embedded-sequence-delimiter': /neither a fragment nor the delimiter|frames|failed|codestream/,
};

describe('what is not surely right', () => {
  for (const [name, reason] of Object.entries(REFUSED))
    it(`${name} is refused, and nothing of it stays`, async () => {
      await assert.rejects(uncompressed(readFileSync(join(PYDICOM_FILES, `${name}.dcm`))), reason);
    });

  it('video and other syntaxes without a decoder are named', async () => {
    const store = new MemoryStore();
    const { instance } = receivedObject(Buffer.alloc(0), { transferSyntaxUid: '1.2.840.10008.1.2.4.102' });
    const output = { profile: 'uncompressed', instance, sourceDigest: instance.digest, priority: 1 } as const;
    const parts = { store, pool, frameMemory: new PrioritySemaphore({ capacity: 1 }), lookahead: 1 };
    await assert.rejects(uncompressObject(parts, instance, output), /there is no decoder for MPEG-4 .*1\.2\.840\.10008\.1\.2\.4\.102/);
  });
});
