// STOW-RS of the sandbox over real HTTP: each instance of a request is answered for, and what arrived is journalled.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { EXPLICIT_LITTLE_ENDIAN, makeInstance, STOW_TYPE, stowBody } from '@causeway/shared/dicomweb/instances-for-tests';
import { answerOf, failures, one, other, referenced, SandboxUnderTest, two } from './sandbox-for-tests.ts';

let sandbox: SandboxUnderTest;
beforeEach(async () => {
  sandbox = await SandboxUnderTest.start();
});
afterEach(() => sandbox.remove());

describe('STOW-RS', () => {
  it('stores every instance of a request and says so, one by one', async () => {
    const response = await sandbox.stow(stowBody([one.file, two.file]));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/dicom+json');
    assert.deepEqual(referenced(await answerOf(response)), [one.sopInstanceUid, two.sopInstanceUid]);
    assert.deepEqual(await sandbox.summary(), { studies: 1, instances: 2, arrivals: 2, repeats: 0 });
  });

  it('answers 202 with the reason for what cannot be stored, and 409 when nothing can', async () => {
    const wrongMeta = Buffer.from(one.file);
    wrongMeta.write('1.2.1.1.9', wrongMeta.indexOf('1.2.1.1.1'), 'latin1');
    const cutShort = two.file.subarray(0, two.file.length - 7);
    const mixed = await sandbox.stow(stowBody([wrongMeta, other.file, cutShort, Buffer.from('no DICOM at all')]));
    assert.equal(mixed.status, 202);
    const answer = await answerOf(mixed);
    assert.deepEqual(referenced(answer), [other.sopInstanceUid]);
    assert.deepEqual(failures(answer), [
      ['1.2.1.1.9', 0xa900],
      [two.sopInstanceUid, 0xc000],
    ]);
    assert.deepEqual(failures(answer, '0008119A'), [[undefined, 0xc000]]);
    const nothing = await sandbox.stow(stowBody([cutShort]));
    assert.equal(nothing.status, 409);
    assert.deepEqual(referenced(await answerOf(nothing)), []);
    assert.deepEqual(await readdir(join(sandbox.folder, 'incoming')), []);
  });

  it('refuses instances that are not of the study in the path', async () => {
    const response = await sandbox.stow(stowBody([one.file, other.file]), '/studies/1.2.1');
    assert.equal(response.status, 202);
    assert.deepEqual(failures(await answerOf(response)), [[other.sopInstanceUid, 0xa900]]);
  });

  it('keeps nothing of a request that is malformed, too long, or of the wrong media type', async () => {
    assert.equal((await sandbox.stow(stowBody([one.file]).subarray(0, -10))).status, 400);
    assert.equal((await sandbox.stow(Buffer.from('--b0undary--'))).status, 400);
    assert.equal((await sandbox.stow(stowBody(Array.from({ length: 5 }, () => one.file)))).status, 413);
    assert.equal((await sandbox.stow(stowBody([one.file]), '/studies', 'application/dicom')).status, 415);
    assert.equal((await sandbox.stow(stowBody([one.file]), '/studies', STOW_TYPE.replace('dicom"', 'dicom+json"'))).status, 415);
    assert.deepEqual(await sandbox.summary(), { studies: 0, instances: 0, arrivals: 0, repeats: 0 });
    assert.deepEqual(await readdir(join(sandbox.folder, 'incoming')), []);
  });

  it('lists an identical repeat as stored and counts it, and keeps other content under the same UID beside the first', async () => {
    await sandbox.stow(stowBody([one.file]));
    assert.deepEqual(referenced(await answerOf(await sandbox.stow(stowBody([one.file])))), [one.sopInstanceUid]);
    assert.deepEqual(await sandbox.summary(), { studies: 1, instances: 1, arrivals: 2, repeats: 1 });
    const changed = makeInstance({ study: '1.2.1', series: '1.2.1.1', instance: '1.2.1.1.1' });
    assert.deepEqual(referenced(await answerOf(await sandbox.stow(stowBody([changed.file])))), [one.sopInstanceUid]);
    assert.deepEqual(
      (await sandbox.arrivals()).map(({ digest, repeat }) => [digest, repeat]),
      [
        [one.digest, false],
        [one.digest, true],
        [changed.digest, false],
      ],
    );
    const [stored] = [...sandbox.archive.index.selectInstances('1.2.1', '1.2.1.1', '1.2.1.1.1')];
    const versions = stored!.versions;
    assert.deepEqual(
      versions.map(({ digest }) => digest),
      [one.digest, changed.digest],
    );
    assert.deepEqual(await sandbox.retrieve('/studies/1.2.1/series/1.2.1.1/instances/1.2.1.1.1'), [changed.file]);
  });

  it('journals what arrived with the digest of its data set', async () => {
    await sandbox.stow(stowBody([one.file, two.file]));
    const [first, second] = await sandbox.arrivals();
    assert.equal(
      first?.digest,
      createHash('sha256')
        .update(one.file.subarray(one.file.length - dataSetBytes(one.file)))
        .digest('hex'),
    );
    assert.equal(first?.transferSyntaxUid, EXPLICIT_LITTLE_ENDIAN);
    assert.equal(first?.size, one.file.length);
    assert.equal(first?.stowRequest, second?.stowRequest);
    await fetch(`${sandbox.server.origin}/sandbox/arrivals`, { method: 'DELETE' });
    assert.deepEqual(await sandbox.arrivals(), []);
    assert.equal((await sandbox.find('/studies')).length, 1);
  });
});

/** The group length (0002,0000) says where the data set begins. */
const dataSetBytes = (file: Buffer): number => file.length - (144 + file.readUInt32LE(140));
