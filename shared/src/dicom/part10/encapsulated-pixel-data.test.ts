// Offset tables: where each frame begins.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { offsetTables } from './encapsulated-pixel-data.ts';

test('offsets beyond 32 bits go into the Extended Offset Table, and the Basic Offset Table is empty then', () => {
  const lengths = [0xfffffff0 - 1, 11, 7];
  const { basic, extended } = offsetTables(lengths);
  assert.equal(basic.length, 0);
  assert.deepEqual(
    extended.map(({ tag, vr }) => [tag, vr]),
    [
      [0x7fe00001, 'OV'],
      [0x7fe00002, 'OV'],
    ],
  );
  const numbers = extended.map(({ value }) => [0, 8, 16].map((at) => Number(value.readBigUInt64LE(at))));
  assert.deepEqual(numbers, [[0, 0xfffffff8, 0xfffffff8 + 8 + 12], lengths]);
  assert.deepEqual(offsetTables([0xfffffff0, 10]), { basic: Buffer.from('00000000f8ffffff', 'hex'), extended: [] });
});
