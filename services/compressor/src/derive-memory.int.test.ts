// Memory is bounded by frames under way, not by the object: a large multi-frame goes through the folder store and the real codec threads.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { CodecPool } from './codec-pool.ts';
import { deriveObject } from './derive-object.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, seededFrame } from './seeded-frames.ts';
import { dataSet, pixelModule, receivedObject } from './synthetic-object.ts';

/** 2 GB were seen to peak at 202 MB (3800 frames, 53 s); this is a twelfth, which would pass it if anything of it piled up. */
const FRAMES = 300;
const LIMIT_BYTES = 256 * 1024 * 1024;

const folder = mkdtempSync(join(tmpdir(), 'causeway-memory-'));
const pool = new CodecPool({ threads: 2 });
after(async () => {
  await pool.close();
  rmSync(folder, { recursive: true });
});

it('a multi-frame of 157 MB is compressed with less than 256 MiB resident', async () => {
  const store = await openFolderStore(folder);
  const format = grey({ rows: 512, columns: 512, bitsStored: 12 });
  const frame = seededFrame(format, { seed: 1, noise: 0.02 });
  const header = dataSet({ elements: pixelModule(format, { frames: FRAMES }), pixels: Buffer.alloc(0) });
  header.writeUInt32LE(frame.length * FRAMES, header.length - 4);
  const { bytes, instance } = receivedObject(header);
  const upload = store.create(instance.objectKey);
  const hash = createHash('sha256').update(header);
  await upload.write(bytes);
  for (let index = 0; index < FRAMES; index++) {
    hash.update(frame);
    await upload.write(frame);
  }
  const { size } = await upload.commit();
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  const frameMemory = new PrioritySemaphore({ capacity: 48 * 1024 * 1024 });
  const large = { ...instance, size, digest: hash.digest('hex') };
  const derivation = await deriveObject(
    { store, pool, frameMemory, lookahead: 3 },
    { instance: large, syntax: 'htj2k-lossless', priority: 1 },
  );
  clearInterval(sampling);
  assert.equal(derivation.outcome, 'compressed', JSON.stringify(derivation));
  assert.ok(peak > 0 && peak < LIMIT_BYTES, `${Math.round(peak / 1e6)} MB resident`);
  await store.close();
});
