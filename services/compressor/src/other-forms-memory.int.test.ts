// Memory is bounded by frames and chunks, not by the object: a large multi-frame is uncompressed, and a large implicit one converted, through the folder store.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { implicitHeader } from '@causeway/shared/dicom/part10/element';
import type { Instance, ObjectRef } from '@causeway/shared/events/instance';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { CodecPool } from './codec-pool.ts';
import { explicitObject } from './explicit-object.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, seededFrame } from './seeded-frames.ts';
import { dataSet, pixelModule, receivedObject } from './synthetic-object.ts';
import { uncompressObject } from './uncompress-object.ts';

/** Of 512 KiB each when uncompressed. CAUSEWAY_FRAMES=3800 is 2 GB. */
const FRAMES = Number(process.env.CAUSEWAY_FRAMES ?? 300);
const LIMIT_BYTES = 256 * 1024 * 1024;
const format = grey({ rows: 512, columns: 512, bitsStored: 16 });

const folder = mkdtempSync(join(tmpdir(), 'causeway-forms-memory-'));
const store = await openFolderStore(folder);
const pool = new CodecPool({ threads: 2 });
after(async () => {
  await pool.close();
  await store.close();
  rmSync(folder, { recursive: true });
});

/** An object of a head, the same piece many times, and a tail. */
async function put(transferSyntaxUid: string, [head, piece, tail]: [Buffer, Buffer, Buffer]): Promise<Instance> {
  const { bytes, instance } = receivedObject(head, { transferSyntaxUid });
  const upload = store.create(instance.objectKey);
  const hash = createHash('sha256').update(head);
  await upload.write(bytes);
  for (let index = 0; index < FRAMES; index++) {
    hash.update(piece);
    await upload.write(piece);
  }
  await upload.write(tail);
  const { size } = await upload.commit();
  return { ...instance, size, digest: hash.update(tail).digest('hex') };
}

async function peakDuring<T>(work: () => Promise<T>): Promise<{ result: T; peak: number }> {
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  try {
    return { result: await work(), peak };
  } finally {
    clearInterval(sampling);
  }
}

const isMade = ({ size }: ObjectRef): void => assert.ok(size > FRAMES * 512 * 512 * 2);

describe('memory', () => {
  it(`${FRAMES} RLE frames are uncompressed with less than 256 MiB resident`, async () => {
    const header = dataSet({ elements: pixelModule(format, { frames: FRAMES }) });
    const start = Buffer.concat([header, Buffer.from('e07f10004f420000ffffffff', 'hex'), implicitHeader(0xfffee000, 0)]);
    const codestream = rleFrame();
    const fragment = Buffer.concat([implicitHeader(0xfffee000, codestream.length), codestream]);
    const instance = await put('1.2.840.10008.1.2.5', [start, fragment, implicitHeader(0xfffee0dd, 0)]);
    const parts = { store, pool, frameMemory: new PrioritySemaphore({ capacity: 48 * 1024 * 1024 }), lookahead: 3 };
    const output = { profile: 'uncompressed', instance, sourceDigest: instance.digest, priority: 1 } as const;
    const { result, peak } = await peakDuring(() => uncompressObject(parts, instance, output));
    isMade(result);
    assert.ok(peak > 0 && peak < LIMIT_BYTES, `${Math.round(peak / 1e6)} MB resident`);
  });

  it(`${FRAMES} frames in implicit VR are converted with less than 256 MiB resident`, async () => {
    const frame = seededFrame(format, { seed: 2, noise: 0.5 });
    const head = dataSet({ elements: pixelModule(format, { frames: FRAMES }), explicit: false });
    const start = Buffer.concat([head, implicitHeader(0x7fe00010, FRAMES * frame.length)]);
    const instance = await put('1.2.840.10008.1.2', [start, frame, Buffer.alloc(0)]);
    const output = { profile: 'explicit-little', instance, sourceDigest: instance.digest, priority: 1 } as const;
    const { result, peak } = await peakDuring(() => explicitObject({ store }, instance, output));
    isMade(result);
    assert.ok(peak < LIMIT_BYTES, `${Math.round(peak / 1e6)} MB resident`);
  });
});

/** Two segments of literal runs (PS3.5 Annex G). */
function rleFrame(): Buffer {
  const frame = seededFrame(format, { seed: 1, noise: 0.5 });
  const segments = [1, 0].map((byte) => {
    const plane = Buffer.from(Array.from({ length: 512 * 512 }, (_, pixel) => frame[2 * pixel + byte]!));
    return Buffer.concat(
      Array.from({ length: plane.length / 128 }, (_, run) => [Buffer.of(127), plane.subarray(run * 128, run * 128 + 128)]).flat(),
    );
  });
  const header = Buffer.alloc(64);
  header.writeUInt32LE(2, 0);
  header.writeUInt32LE(64, 4);
  header.writeUInt32LE(64 + segments[0]!.length, 8);
  return Buffer.concat([header, ...segments]);
}
