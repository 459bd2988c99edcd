// The derived file as foreign readers see it: GDCM and DCMTK read the JPEG 2000 file whole, OpenJPEG reads each codestream of both syntaxes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { LosslessSyntax } from '@causeway/shared/config/lossless-syntax';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { CodecPool } from './codec-pool.ts';
import { deriveObject } from './derive-object.ts';
import type { FrameFormat } from './frame-format.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, rgb, seededFrame } from './seeded-frames.ts';
import { dataSet, MemoryStore, pixelModule, readFragments, receivedObject, text } from './synthetic-object.ts';

const PYDICOM_FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const folder = mkdtempSync(join(tmpdir(), 'causeway-derived-'));
const pool = new CodecPool({ threads: 2 });
after(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

async function derive(data: Buffer, syntax: LosslessSyntax, transferSyntaxUid: string = EXPLICIT_VR_LITTLE_ENDIAN) {
  const store = new MemoryStore();
  const { bytes, instance } = receivedObject(data, { transferSyntaxUid });
  store.put(instance, bytes);
  const parts = { store, pool, frameMemory: new PrioritySemaphore({ capacity: 1 << 24 }), lookahead: 3 };
  const derivation = await deriveObject(parts, { instance, syntax, priority: 1 });
  if (derivation.outcome === 'unchanged') return derivation;
  return { outcome: derivation.outcome, file: store.objects.get(derivation.object.objectKey)! };
}

async function scanFile(file: Buffer): Promise<{ data: Buffer; scan: DataSetScan }> {
  const { meta, dataSetOffset } = parseFileMeta(file)!;
  const data = file.subarray(dataSetOffset);
  const scanner = new DataSetScanner({ transferSyntaxUid: meta.transferSyntaxUid, wanted: [] });
  await scanner.write(data);
  return { data, scan: await scanner.end() };
}

/** Pixel data of the file as GDCM decodes it. */
async function gdcmPixels(file: Buffer): Promise<Buffer> {
  const [input, output] = [join(folder, 'derived.dcm'), join(folder, 'raw.dcm')];
  writeFileSync(input, file);
  execFileSync('gdcmconv', ['--raw', input, output], { stdio: 'pipe' });
  const { data, scan } = await scanFile(readFileSync(output));
  return data.subarray(scan.pixelData!.valueOffset, scan.pixelData!.endOffset);
}

/** All frames as opj_decompress reads their codestreams, samples by plane. */
async function openjpegPlanes(file: Buffer): Promise<Buffer> {
  const { data, scan } = await scanFile(file);
  const { fragments } = readFragments(data, scan.pixelData!.valueOffset);
  const [input, output] = [join(folder, 'frame.j2k'), join(folder, 'frame.rawl')];
  return Buffer.concat(
    fragments.map((codestream) => {
      writeFileSync(input, codestream);
      execFileSync('opj_decompress', ['-i', input, '-o', output], { stdio: 'pipe' });
      return readFileSync(output);
    }),
  );
}

/** Pixels by plane to by pixel, one byte a sample. */
function byPixel(planes: Buffer, { rows, columns }: FrameFormat): Buffer {
  const plane = rows * columns;
  return Buffer.from(
    planes.map((_, index) => planes[Math.floor(index / (3 * plane)) * 3 * plane + (index % 3) * plane + (Math.floor(index / 3) % plane)]!),
  );
}

const CASES: [string, FrameFormat, number][] = [
  ['CT-like signed 16 bit', grey({ rows: 64, columns: 64, signed: true }), 1],
  ['unsigned 16 bit', grey({ rows: 64, columns: 64 }), 1],
  ['12 in 16, odd sizes', grey({ rows: 61, columns: 47, bitsStored: 12 }), 1],
  ['12 in 16 signed, multi-frame', grey({ rows: 40, columns: 48, bitsStored: 12, signed: true }), 5],
  ['8 bit, multi-frame, odd', grey({ rows: 41, columns: 43, bitsAllocated: 8, bitsStored: 8 }), 3],
  ['RGB by pixel', rgb({ rows: 41, columns: 43 }), 1],
  ['RGB by plane, multi-frame', rgb({ rows: 40, columns: 42, planarConfiguration: 1 }), 2],
];

describe('derived file in foreign readers', () => {
  for (const [name, format, frames] of CASES) {
    const source = Buffer.concat(Array.from({ length: frames }, (_, seed) => seededFrame(format, { seed, noise: 0.05 })));
    const identity = [text(0x0020000d, 'UI', '2.25.1'), text(0x0020000e, 'UI', '2.25.2')];
    const data = dataSet({ elements: [...identity, ...pixelModule(format, { frames })], pixels: source });

    it(`gives GDCM the same pixels: ${name}, jpeg2000-lossless`, async () => {
      const derivation = await derive(data, 'jpeg2000-lossless');
      assert.equal(derivation.outcome, 'compressed', JSON.stringify(derivation));
      const pixels = await gdcmPixels(derivation.outcome === 'compressed' ? derivation.file : Buffer.alloc(0));
      assert.deepEqual(pixels.subarray(0, source.length), format.planarConfiguration === 1 ? byPixel(source, format) : source);
    });

    for (const syntax of ['jpeg2000-lossless', 'htj2k-lossless'] as const) {
      it(`gives OpenJPEG the same pixels in every fragment: ${name}, ${syntax}`, async () => {
        const derivation = await derive(data, syntax);
        assert.equal(derivation.outcome, 'compressed', JSON.stringify(derivation));
        const planes = await openjpegPlanes(derivation.outcome === 'compressed' ? derivation.file : Buffer.alloc(0));
        if (format.samplesPerPixel === 3) {
          assert.deepEqual(byPixel(planes, format), format.planarConfiguration === 1 ? byPixel(source, format) : source);
          return;
        }
        assert.deepEqual(planes, cutToPrecision(source, format));
      });
    }
  }
});

/** opj_decompress writes signed samples cut to their precision. */
function cutToPrecision(samples: Buffer, { bitsStored }: FrameFormat): Buffer {
  const cut = Buffer.from(samples);
  if (bitsStored > 8) for (let at = 0; at < cut.length; at += 2) cut.writeUInt16LE(cut.readUInt16LE(at) & (2 ** bitsStored - 1), at);
  return cut;
}

describe('real files', () => {
  const read = (name: string) => {
    const file = readFileSync(join(PYDICOM_FILES, name));
    const { meta, dataSetOffset } = parseFileMeta(file)!;
    return { data: file.subarray(dataSetOffset), transferSyntaxUid: meta.transferSyntaxUid };
  };

  for (const name of ['CT_small.dcm', 'MR_small.dcm', 'MR_small_implicit.dcm', 'SC_rgb_jpeg_dcmd.dcm']) {
    it(`${name}: GDCM reads the same pixels from it and from what it became, and DCMTK the whole file`, async () => {
      const { data, transferSyntaxUid } = read(name);
      const derivation = await derive(data, 'jpeg2000-lossless', transferSyntaxUid);
      assert.equal(derivation.outcome, 'compressed', JSON.stringify(derivation));
      const derived = await gdcmPixels(derivation.outcome === 'compressed' ? derivation.file : Buffer.alloc(0));
      execFileSync('dcmdump', ['-q', join(folder, 'derived.dcm')], { stdio: 'pipe' });
      assert.deepEqual(derived, await gdcmPixels(readFileSync(join(PYDICOM_FILES, name))));
    });
  }

  it('never fails on any of them, and passes what is compressed, floating, without pixels or broken', async () => {
    const names = execFileSync('ls', [PYDICOM_FILES])
      .toString()
      .split('\n')
      .filter((name) => name.endsWith('.dcm'));
    const outcomes: Record<string, string> = {};
    for (const name of names) {
      const file = readFileSync(join(PYDICOM_FILES, name));
      let read: ReturnType<typeof parseFileMeta>;
      try {
        read = parseFileMeta(file);
      } catch {
        continue;
      }
      if (read === undefined) continue;
      const derivation = await derive(file.subarray(read.dataSetOffset), 'jpeg2000-lossless', read.meta.transferSyntaxUid);
      outcomes[name] = derivation.outcome === 'unchanged' ? derivation.reason : 'compressed';
    }
    for (const [name, reason] of Object.entries(OUTCOMES)) assert.match(outcomes[name] ?? 'not read', reason, name);
    const compressed = Object.keys(outcomes).filter((name) => outcomes[name] === 'compressed');
    assert.deepEqual(compressed, ['CT_small.dcm', 'MR_small.dcm', 'MR_small_implicit.dcm', 'SC_rgb_jpeg_dcmd.dcm']);
    assert.ok(Object.keys(outcomes).length > 50);
  });
});

const OUTCOMES: Record<string, RegExp> = {
  'JPEG2000.dcm': /already compressed/,
  'MR_small_bigendian.dcm': /big endian/,
  'image_dfl.dcm': /deflated/,
  'MR_small_padded.dcm': /8320 bytes long where 1 frames of 8192/,
  'MR_truncated.dcm': /without the last 62 bytes/,
  'SC_ybr_full_422_uncompressed.dcm': /Photometric Interpretation/,
  'liver_1frame.dcm': /^1 bits allocated/,
  'rtdose.dcm': /^32 bits allocated/,
  'test-SR.dcm': /no pixel data/,
};
