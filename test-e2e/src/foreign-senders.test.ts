// DCMTK, dcmjs-dimse and Orthanc as senders to the receiver: every instance they call sent is in custody, its data set as the sender sent it.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { wholeObjects } from './custody-audit.ts';
import { echoByDcmjs, storeByDcmjs } from './dcmjs-peer.ts';
import { startOrthanc, storescu } from './peers-under-test.ts';
import { type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';

const FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';

describe('foreign senders', () => {
  let scratch: string;
  let receiver: ReceiverUnderTest;
  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-senders-'));
    receiver = await startReceiver();
  });
  after(async () => {
    await receiver?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const filesOf = (seed: number): Promise<SyntheticFile[]> =>
    makeSyntheticFiles(join(scratch, String(seed)), { studies: 1, instances: 4, rows: 64, columns: 64, seed });
  /** Digest by SOP Instance UID, each object read whole. */
  const inCustody = async (): Promise<Map<string, string>> => {
    const store = await openFolderStore(receiver.objects);
    const objects = await wholeObjects(store);
    await store.close();
    return new Map([...objects.values()].map(({ sopInstanceUid, digest }) => [sopInstanceUid, digest]));
  };
  const assertUnaltered = async (files: SyntheticFile[]): Promise<void> => {
    const custody = await inCustody();
    for (const { sopInstanceUid, digest } of files) assert.equal(custody.get(sopInstanceUid), digest, sopInstanceUid);
  };

  for (const [name, extra] of [
    ['small PDUs', ['-xe', '--max-pdu', '4096']],
    ['the largest PDUs it knows', ['-xe', '--max-pdu', '131072']],
  ] as const)
    it(`storescu with ${name}`, async () => {
      const files = await filesOf(name.length);
      const { ok, output } = await storescu(
        receiver.port,
        { extra: [...extra] },
        files.map(({ path }) => path),
      );
      assert.ok(ok, output);
      await assertUnaltered(files);
    });

  it('dcmjs-dimse: C-ECHO, and a C-STORE that is answered with success', async () => {
    assert.equal(await echoByDcmjs(receiver.port), 0);
    const before = (await inCustody()).size;
    for (const name of ['CT_small.dcm', 'MR_small.dcm', 'reportsi.dcm'])
      assert.equal(await storeByDcmjs(receiver.port, join(FILES, name)), 0, name);
    assert.equal((await inCustody()).size, before + 3);
  });

  it('Orthanc: a study that it forwards, without a failed instance', async () => {
    const files = await filesOf(77);
    const orthanc = await startOrthanc(scratch);
    try {
      const ids: string[] = [];
      for (const { path } of files) {
        const uploaded = await fetch(`${orthanc.url}/instances`, { method: 'POST', body: await readFile(path) });
        ids.push(((await uploaded.json()) as { ID: string }).ID);
      }
      const modality = JSON.stringify({ AET: 'GATEWAY', Host: '127.0.0.1', Port: receiver.port });
      assert.ok((await fetch(`${orthanc.url}/modalities/causeway`, { method: 'PUT', body: modality })).ok);
      const echo = await fetch(`${orthanc.url}/modalities/causeway/echo`, { method: 'POST', body: '{}' });
      assert.ok(echo.ok, 'C-ECHO');
      const job = JSON.stringify({ Resources: ids, Synchronous: true });
      const sent = (await (await fetch(`${orthanc.url}/modalities/causeway/store`, { method: 'POST', body: job })).json()) as object;
      assert.deepEqual(sent, { ...sent, FailedInstancesCount: 0, InstancesCount: files.length });
    } finally {
      await orthanc.stop();
    }
    await assertUnaltered(files);
  });
});
