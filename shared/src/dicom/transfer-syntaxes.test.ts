// The table of transfer syntaxes agrees with the standard where a wrong row would damage a data set.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSFER_SYNTAXES, transferSyntaxOf } from './transfer-syntaxes.ts';

test('only the two implicit syntaxes have no VR in the stream', () => {
  const implicit = [...TRANSFER_SYNTAXES.values()].filter((syntax) => !syntax.explicitVr).map((syntax) => syntax.uid);
  assert.deepEqual(implicit, ['1.2.840.10008.1.2', '1.2.840.10008.1.20']);
});

test('only Explicit VR Big Endian is big endian', () => {
  const big = [...TRANSFER_SYNTAXES.values()].filter((syntax) => !syntax.littleEndian).map((syntax) => syntax.uid);
  assert.deepEqual(big, ['1.2.840.10008.1.2.2']);
});

test('three syntaxes deflate the whole data set, and Deflated Image Frame Compression does not', () => {
  const deflated = [...TRANSFER_SYNTAXES.values()].filter((syntax) => syntax.deflated).map((syntax) => syntax.uid);
  assert.deepEqual(deflated, ['1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.4.95', '1.2.840.10008.1.2.4.205']);
  assert.equal(transferSyntaxOf('1.2.840.10008.1.2.8.1')?.encapsulated, true);
});

test('no compressed syntax claims pixel data outside of fragments, and every UID is keyed once', () => {
  for (const [uid, syntax] of TRANSFER_SYNTAXES) {
    assert.equal(uid, syntax.uid);
    if (['lossless', 'lossy', 'either', 'video'].includes(syntax.kind)) assert.ok(syntax.encapsulated && syntax.explicitVr, uid);
  }
  assert.equal(TRANSFER_SYNTAXES.size, 58);
});

test('JPEG 2000, HTJ2K, JPEG XL and JPEG-LS near-lossless are not taken for lossy by their UID alone', () => {
  for (const last of ['81', '91', '93', '112', '203']) assert.equal(transferSyntaxOf(`1.2.840.10008.1.2.4.${last}`)?.kind, 'either');
});

test('an unknown syntax has no row', () => {
  assert.equal(transferSyntaxOf('1.2.3'), undefined);
});
