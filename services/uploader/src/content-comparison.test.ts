// Two data sets under one UID: identical, alike as far as can be seen, or another instance.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { type Content, compareContent, contentOf } from './content-comparison.ts';
import { JPEG_2000_LOSSLESS, newDataSet } from './deliveries-for-tests.ts';

const dataSet = newDataSet({ sopInstanceUid: '1.2.3.4', edge: 40 });

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const read = (bytes: Buffer, syntax = EXPLICIT_VR_LITTLE_ENDIAN, size = 1000): Promise<Content> => contentOf(inPieces(bytes, size), syntax);
const likeness = async (other: Buffer, syntax?: string) => compareContent(await read(dataSet), await read(other, syntax));

describe('compareContent', () => {
  it('sees the same content however it comes in pieces', async () => {
    const whole = await read(dataSet, EXPLICIT_VR_LITTLE_ENDIAN, dataSet.length);
    for (const size of [1, 7, 333, 4096]) assert.deepEqual(await read(dataSet, EXPLICIT_VR_LITTLE_ENDIAN, size), whole, `${size}`);
    assert.match(whole.pixelDigest!, /^[0-9a-f]{64}$/);
    assert.deepEqual(await likeness(Buffer.from(dataSet)), { kind: 'identical' });
  });

  it('notices each single bit of the pixels', async () => {
    for (let round = 0; round < 64; round += 1) {
      const other = Buffer.from(dataSet);
      other[other.length - 1 - ((round * 25) % 1600)]! ^= 1 << (round % 8);
      assert.deepEqual(await likeness(other), { kind: 'unlike', difference: 'the pixel data differs' });
    }
  });

  it('calls alike what is kept in a syntax whose pixels cannot be compared without decoding', async () => {
    assert.equal((await likeness(deflateRawSync(dataSet), DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN)).kind, 'alike');
    assert.equal((await likeness(dataSet.subarray(0, dataSet.length - 2), JPEG_2000_LOSSLESS)).kind, 'alike');
  });

  it('says of 3,000 damaged data sets that they are not identical, without failing', async () => {
    let state = 7;
    const draw = (most: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state % most;
    };
    const own = await read(dataSet);
    for (let round = 0; round < 3000; round += 1) {
      const other = Buffer.from(dataSet);
      for (let change = draw(4); change >= 0; change -= 1) other[draw(other.length)]! ^= 1 + draw(255);
      const cut = draw(3) === 0 ? other.subarray(0, draw(other.length)) : other;
      if (!cut.equals(dataSet)) assert.notEqual(compareContent(own, await read(cut)).kind, 'identical');
    }
  });
});
