// The offset table is right or empty, never wrong.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FragmentWriter } from './fragment-writer.ts';
import { readFragments } from './synthetic-object.ts';

async function written(codestreams: Buffer[], mostHeldBytes: number) {
  const pieces: Buffer[] = [];
  const writer = new FragmentWriter(async (bytes) => void pieces.push(bytes), mostHeldBytes);
  for (const codestream of codestreams) await writer.add(codestream);
  await writer.end();
  const bytes = Buffer.concat(pieces);
  assert.equal(bytes.subarray(0, 12).toString('hex'), 'e07f10004f420000ffffffff');
  return readFragments(bytes, 12);
}

describe('fragments', () => {
  const codestreams = [10, 7, 1, 30].map((length, index) => Buffer.alloc(length, index + 1));

  it('have a table of where each begins while they fit the memory for them', async () => {
    const { offsets, fragments } = await written(codestreams, 48);
    assert.deepEqual(offsets, [0, 18, 34, 44]);
    assert.deepEqual(
      fragments.map(({ length }) => length),
      [10, 8, 2, 30],
    );
  });

  it('have an empty table when they do not, and are all there in order', async () => {
    for (const limit of [0, 9, 17, 47]) {
      const { offsets, fragments } = await written(codestreams, limit);
      assert.deepEqual(offsets, []);
      assert.deepEqual(
        fragments.map((one) => one[0]),
        [1, 2, 3, 4],
      );
    }
  });

  it('are padded with one byte 00 when odd', async () => {
    const { fragments } = await written([Buffer.from([9])], 10);
    assert.deepEqual([...fragments[0]!], [9, 0]);
  });
});
