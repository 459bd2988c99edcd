// What coercing a large object costs in memory: its pixel data passes by, however large, uncompressed or in fragments.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { coerce } from './coerce.ts';
import { dataSet, receivedObject, text } from './synthetic-object.ts';

const MIB = 1024 * 1024;
/** 2 GiB (2048 pieces) were seen to peak at 232 MB; this is enough to show anything that piles up. */
const PIECES = 320;
const LIMIT_BYTES = 256 * MIB;

const folder = mkdtempSync(join(tmpdir(), 'causeway-coerce-memory-'));
after(() => rmSync(folder, { recursive: true }));

it('an object of 320 MiB is coerced with less than 256 MiB resident', async () => {
  const store = await openFolderStore(folder);
  const header = dataSet({ elements: [text(0x00080080, 'LO', 'Old')], pixels: Buffer.alloc(0) });
  header.writeUInt32LE(PIECES * MIB, header.length - 4);
  const { bytes, instance } = receivedObject(header);
  const upload = store.create(instance.objectKey);
  const hash = createHash('sha256').update(header);
  const piece = Buffer.alloc(MIB, 7);
  await upload.write(bytes);
  for (let index = 0; index < PIECES; index++) {
    hash.update(piece);
    await upload.write(piece);
  }
  const { size } = await upload.commit();
  let peak = 0;
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 10);
  const document = parseGatewayDocument({ coercion: [{ when: {}, on: 'receive', set: { InstitutionName: 'MS44' } }] });
  const large = { ...instance, size, digest: hash.digest('hex') };
  const made = await coerce({ store }, { instance: large, document, facility: undefined, isAgain: false });
  clearInterval(sampling);
  assert.ok(made.coercion!.object!.size > size, 'no object was made');
  assert.ok(peak > 0 && peak < LIMIT_BYTES, `${Math.round(peak / 1e6)} MB resident`);
  await store.close();
});
