// Synthetic studies: deterministic, unique, valid lengths.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { type SyntheticInstance, type SyntheticOptions, syntheticInstances } from './synthetic-study.ts';

const small: SyntheticOptions = { studies: 2, instances: 3, seed: 7, rows: 64, columns: 48 };
const digests = (options: SyntheticOptions): string[] =>
  [...syntheticInstances(options)].map(({ dataSet }) => createHash('sha256').update(dataSet).digest('hex'));

test('the same seed gives the same bytes', () => {
  assert.deepEqual(digests(small), digests(small));
});

test('another seed gives other UIDs and other pixels', () => {
  const [one] = syntheticInstances(small);
  const [other] = syntheticInstances({ ...small, seed: 8 });
  assert.notEqual(one!.sopInstanceUid, other!.sopInstanceUid);
  assert.notDeepEqual(pixels(one!), pixels(other!));
});

test('every instance has a UID and pixels of its own, and studies keep theirs together', () => {
  const all = [...syntheticInstances(small)];
  assert.equal(new Set(all.map(({ sopInstanceUid }) => sopInstanceUid)).size, 6);
  assert.equal(new Set(digests(small)).size, 6);
  assert.deepEqual(
    [...Map.groupBy(all, ({ studyInstanceUid }) => studyInstanceUid).values()].map((study) => study.length),
    [3, 3],
  );
});

test('UIDs are legal: 2.25 and a number without leading zero, at most 64 characters', () => {
  for (const { sopInstanceUid } of syntheticInstances({ ...small, instances: 50 })) {
    assert.match(sopInstanceUid, /^2\.25\.[1-9]\d*$/);
    assert.ok(sopInstanceUid.length <= 64);
  }
});

test('elements stand in ascending order and end exactly with the pixel data', () => {
  const [instance] = syntheticInstances(small);
  const tags = walk(instance!.dataSet);
  assert.deepEqual(
    tags,
    [...tags].sort((one, other) => one - other),
  );
  assert.equal(tags.at(-1), 0x7fe00010);
});

test('the announced length is that of the chunks, and a multi-frame comes frame by frame', () => {
  const [instance] = syntheticInstances({ ...small, frames: 5 });
  const chunks = [...instance!.chunks()];
  assert.equal(chunks.length, 6);
  assert.equal(
    chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    instance!.byteLength,
  );
  assert.equal(chunks[1]!.length, 64 * 48 * 2);
  assert.equal(instance!.sopClassUid, '1.2.840.10008.5.1.4.1.1.7.3');
});

test('the institution is the one asked for, in UTF-8', () => {
  const [instance] = syntheticInstances({ ...small, institution: 'Klinik Süd' });
  assert.ok(instance!.dataSet.includes(Buffer.from('Klinik Süd', 'utf8')));
});

test('pixels compress like an image: neither like zeros nor like noise alone', () => {
  const [instance] = syntheticInstances({ ...small, rows: 256, columns: 256 });
  const raw = pixels(instance!);
  const ratio = raw.length / deflateRawSync(raw).length;
  assert.ok(ratio > 1.3 && ratio < 5, `ratio ${ratio}`);
  assert.ok(Math.max(...new Uint16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length))) < 4096);
});

function pixels(instance: SyntheticInstance): Buffer {
  return Buffer.concat([...instance.chunks()].slice(1));
}

/** Tags of an explicit VR little endian data set; throws when a length does not lead to the next element. */
function walk(dataSet: Buffer): number[] {
  const tags: number[] = [];
  let at = 0;
  while (at < dataSet.length) {
    tags.push(dataSet.readUInt16LE(at) * 65_536 + dataSet.readUInt16LE(at + 2));
    const long = dataSet.toString('latin1', at + 4, at + 6) === 'OW';
    const length = long ? dataSet.readUInt32LE(at + 8) : dataSet.readUInt16LE(at + 6);
    assert.equal(length % 2, 0);
    at += (long ? 12 : 8) + length;
  }
  assert.equal(at, dataSet.length);
  return tags;
}
