// Data sets into PDUs: every PDU full but the last, only the last one marked, and not a byte changed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PduReader } from '../upper-layer/pdu-reader.ts';
import { DataSetPacker } from './data-set-packer.ts';
import { maxFragmentBytes } from './fragment-size.ts';

function pack(chunks: Buffer[], maxBytes: number) {
  const packer = new DataSetPacker(7, maxBytes);
  const parts = [...chunks.flatMap((chunk) => packer.add(chunk)), ...packer.end()];
  const pdvs: { bytes: number; isLast: boolean }[] = [];
  const received: Buffer[] = [];
  let bytes = 0;
  const fail = () => assert.fail('only P-DATA-TF');
  const reader = new PduReader(
    {
      dataBegan: () => undefined,
      pdu: fail,
      failed: fail,
      fragment: (pdv, slice, complete) => {
        assert.equal(pdv.contextId, 7);
        assert.equal(pdv.isCommand, false);
        received.push(slice);
        bytes += slice.length;
        if (!complete) return;
        pdvs.push({ bytes, isLast: pdv.isLast });
        bytes = 0;
      },
    },
    maxBytes + 6,
  );
  reader.push(Buffer.concat(parts));
  return { pdvs, bytes: Buffer.concat(received), parts };
}

test('whatever the sizes of the chunks, all PDVs but the last are full and the bytes are the same', () => {
  const data = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
  for (const chunkBytes of [1, 3, 10, 11, 20, 33, 99, 100]) {
    const chunks: Buffer[] = [];
    for (let at = 0; at < data.length; at += chunkBytes) chunks.push(data.subarray(at, at + chunkBytes));
    const { pdvs, bytes } = pack(chunks, 10);
    assert.deepEqual(bytes, data);
    assert.deepEqual(
      pdvs,
      Array.from({ length: 10 }, (_, index) => ({ bytes: 10, isLast: index === 9 })),
      `chunks of ${chunkBytes}`,
    );
  }
});

test('an empty data set is one empty last PDV', () => {
  assert.deepEqual(pack([], 10).pdvs, [{ bytes: 0, isLast: true }]);
  assert.deepEqual(pack([Buffer.alloc(0)], 10).pdvs, [{ bytes: 0, isLast: true }]);
});

test('payload is never copied', () => {
  const chunk = Buffer.alloc(1000, 1);
  const { parts } = pack([chunk], 300);
  const payload = parts.filter((part) => part.length !== 12);
  assert.equal(payload.length, 4);
  for (const part of payload) assert.equal(part.buffer, chunk.buffer);
});

test("a fragment fits the peer's limit with its 6-byte header, is even, and has a limit of our own", () => {
  assert.equal(maxFragmentBytes(4096), 4090);
  assert.equal(maxFragmentBytes(4097), 4090);
  assert.equal(maxFragmentBytes(0), 131_066);
  assert.equal(maxFragmentBytes(10_000_000), 131_066);
  assert.ok(maxFragmentBytes(7) < 2);
});
