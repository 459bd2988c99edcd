// Search, retrieval and restart of the sandbox over real HTTP: what is stored is found, given back byte for byte, and survives.
import assert from 'node:assert/strict';
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parseDicomJson, textValue, textValues, uidValue } from '@causeway/shared/dicomweb/dicom-json';
import { EXPLICIT_LITTLE_ENDIAN, stowBody } from '@causeway/shared/dicomweb/instances-for-tests';
import { one, other, SandboxUnderTest, two } from './sandbox-for-tests.ts';

let sandbox: SandboxUnderTest;
beforeEach(async () => {
  sandbox = await SandboxUnderTest.start();
});
afterEach(() => sandbox.remove());

describe('QIDO-RS', () => {
  beforeEach(async () => {
    await sandbox.stow(stowBody([one.file, two.file, other.file]));
  });
  const studies = async (query: string) => (await sandbox.find(`/studies?${query}`)).map((found) => uidValue(found, '0020000D'));

  it('finds studies by each key, range and wildcard, and nothing else', async () => {
    assert.deepEqual(await studies(''), ['1.2.1', '1.2.2']);
    assert.deepEqual(await studies('PatientID=P2'), ['1.2.2']);
    assert.deepEqual(await studies('00100020=P1'), ['1.2.1']);
    assert.deepEqual(await studies('PatientName=m%C3%BCller*'), ['1.2.1', '1.2.2']);
    assert.deepEqual(await studies('PatientName=M?ller'), []);
    assert.deepEqual(await studies('StudyDate=20260101-20260131'), ['1.2.1']);
    assert.deepEqual(await studies('StudyDate=20260201-'), ['1.2.2']);
    assert.deepEqual(await studies('ModalitiesInStudy=SR'), ['1.2.1']);
    assert.deepEqual(await studies('StudyInstanceUID=1.2.1,1.2.2,1.2.3'), ['1.2.1', '1.2.2']);
    assert.deepEqual(await studies('AccessionNumber=A.2.2'), ['1.2.2']);
    assert.deepEqual(await studies('PatientID=P9'), []);
  });

  it('pages without gap or overlap, and says when there is more', async () => {
    const first = await fetch(`${sandbox.server.url}/instances?limit=2`);
    assert.match(first.headers.get('warning') ?? '', /^299 /);
    const pages = [
      ...parseDicomJson(await first.text()),
      ...(await sandbox.find('/instances?limit=2&offset=2')),
      ...(await sandbox.find('/instances?limit=2&offset=3')),
    ];
    assert.deepEqual(
      pages.map((found) => uidValue(found, '00080018')),
      [one, two, other].map((made) => made.sopInstanceUid),
    );
  });

  it('searches on every level, with counts, character sets decoded, and retrieve URLs that work', async () => {
    const [study] = await sandbox.find('/studies?StudyInstanceUID=1.2.1');
    assert.deepEqual(textValues(study!, '00080061'), ['CT', 'SR']);
    assert.deepEqual([textValue(study!, '00201206'), textValue(study!, '00201208')], ['2', '2']);
    assert.equal(textValue(study!, '00100010'), 'Müller^Jürg');
    assert.equal((await sandbox.find('/studies/1.2.1/series')).length, 2);
    assert.equal((await sandbox.find('/series?Modality=CT')).length, 2);
    assert.equal((await sandbox.find('/studies/1.2.1/series/1.2.1.2/instances')).length, 1);
    const [instance] = await sandbox.find(`/instances?SOPInstanceUID=${two.sopInstanceUid}`);
    assert.equal(textValue(instance!, '00280010'), '258');
    assert.equal(uidValue(instance!, '00083002'), EXPLICIT_LITTLE_ENDIAN);
    const url = textValue(instance!, '00081190')!;
    assert.deepEqual(await sandbox.retrieve(url.slice(sandbox.server.url.length)), [two.file]);
  });

  it('refuses a key that it cannot match instead of ignoring it', async () => {
    for (const query of ['Nonsense=1', 'SOPInstanceUID=1.2', 'limit=many'])
      assert.equal((await fetch(`${sandbox.server.url}/studies?${query}`)).status, 400, query);
  });
});

describe('WADO-RS', () => {
  beforeEach(async () => {
    await sandbox.stow(stowBody([one.file, two.file]));
  });

  it('gives study, series and instance back byte for byte', async () => {
    assert.deepEqual(await sandbox.retrieve('/studies/1.2.1'), [one.file, two.file]);
    assert.deepEqual(await sandbox.retrieve('/studies/1.2.1/series/1.2.1.2'), [two.file]);
    assert.deepEqual(await sandbox.retrieve('/studies/1.2.1/series/1.2.1.1/instances/1.2.1.1.1', '*/*'), [one.file]);
  });

  it('answers 404 for what is not there and 406 for another representation', async () => {
    assert.equal((await fetch(`${sandbox.server.url}/studies/1.9`)).status, 404);
    const accept = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90';
    assert.equal((await fetch(`${sandbox.server.url}/studies/1.2.1`, { headers: { accept } })).status, 406);
    assert.equal((await fetch(`${sandbox.server.url}/studies/1.2.1`, { headers: { accept: 'application/dicom+json' } })).status, 406);
  });

  it('gives metadata of each instance', async () => {
    const metadata = await sandbox.find('/studies/1.2.1/metadata');
    assert.deepEqual(
      metadata.map((found) => uidValue(found, '00080018')),
      [one.sopInstanceUid, two.sopInstanceUid],
    );
  });
});

describe('restart', () => {
  it('finds everything again, forgets a torn last line, and removes files that were never answered for', async () => {
    await sandbox.stow(stowBody([one.file, two.file]));
    await sandbox.close();
    await appendFile(join(sandbox.folder, 'index.ndjson'), '{"file":"half');
    await appendFile(join(sandbox.folder, 'incoming', 'left-over'), 'x');
    await sandbox.open();
    assert.deepEqual(await readdir(join(sandbox.folder, 'incoming')), []);
    assert.deepEqual(await sandbox.retrieve('/studies/1.2.1'), [one.file, two.file]);
    await sandbox.stow(stowBody([one.file, other.file]));
    assert.deepEqual(await sandbox.summary(), { studies: 2, instances: 3, arrivals: 4, repeats: 1 });
    await sandbox.close();
    await sandbox.open();
    assert.equal((await sandbox.find('/instances')).length, 3);
  });
});
