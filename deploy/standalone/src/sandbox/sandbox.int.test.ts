// The sandbox archive over real HTTP: what is stored is found, given back byte for byte, survives a restart, and every ordered fault happens.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type DicomJson, parseDicomJson, sequenceItems, textValue, textValues, uidValue } from '@causeway/shared/dicomweb/dicom-json';
import { EXPLICIT_LITTLE_ENDIAN, makeInstance, STOW_TYPE, stowBody } from '@causeway/shared/dicomweb/instances-for-tests';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import { Archive } from './archive.ts';
import type { Arrival } from './arrivals-journal.ts';
import { ArrivalsJournal } from './arrivals-journal.ts';
import type { Fault } from './faults.ts';
import { type Sandbox, startSandbox } from './sandbox-server.ts';

const one = makeInstance({ study: '1.2.1', series: '1.2.1.1', instance: '1.2.1.1.1' });
const two = makeInstance({ study: '1.2.1', series: '1.2.1.2', instance: '1.2.1.2.1', modality: 'SR' });
const other = makeInstance({ study: '1.2.2', series: '1.2.2.1', instance: '1.2.2.1.1', patientId: 'P2', studyDate: '20260310' });

let folder: string;
let sandbox: Sandbox;
let archive: Archive;
let journal: ArrivalsJournal;
const problems: string[] = [];

async function start(): Promise<void> {
  archive = await Archive.open(folder);
  journal = await ArrivalsJournal.open(join(folder, 'arrivals.ndjson'));
  const limits = { instances: 4 };
  sandbox = await startSandbox({
    archive,
    journal,
    host: '127.0.0.1',
    port: 0,
    allowFaults: true,
    limits,
    report: (text) => problems.push(text),
  });
}

async function stop(): Promise<void> {
  await sandbox.close(0);
  await journal.close();
  await archive.close();
}

const stow = (body: Buffer, path = '/studies', contentType = STOW_TYPE) =>
  fetch(`${sandbox.url}${path}`, {
    method: 'POST',
    body: body as unknown as string,
    headers: { 'content-type': contentType },
    duplex: 'half',
  } as RequestInit);
const answerOf = async (response: Response): Promise<DicomJson> => parseDicomJson(await response.text())[0]!;
const referenced = (answer: DicomJson) => sequenceItems(answer, '00081199').map((item) => uidValue(item, '00081155'));
const failures = (answer: DicomJson, tag = '00081198') =>
  sequenceItems(answer, tag).map((item) => [uidValue(item, '00081155'), Number(textValue(item, '00081197'))]);
const find = async (path: string) => parseDicomJson(await (await fetch(`${sandbox.url}${path}`)).text());
const order = (fault: Partial<Fault>) => fetch(`${sandbox.origin}/sandbox/faults`, { method: 'PUT', body: JSON.stringify(fault) });
const summary = async () => (await fetch(`${sandbox.origin}/sandbox/summary`)).json();

async function arrivals(): Promise<Arrival[]> {
  const text = await (await fetch(`${sandbox.origin}/sandbox/arrivals`)).text();
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Arrival);
}

async function* buffersOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of body) yield Buffer.from(chunk);
}

async function retrieve(path: string, accept = 'multipart/related; type="application/dicom"; transfer-syntax=*') {
  const response = await fetch(`${sandbox.url}${path}`, { headers: { accept } });
  assert.equal(response.status, 200);
  const files: Buffer[] = [];
  for await (const part of readMultipart(buffersOf(response.body!), response.headers.get('content-type')!)) {
    const chunks: Buffer[] = [];
    for await (const chunk of part.body) chunks.push(Buffer.from(chunk));
    files.push(Buffer.concat(chunks));
  }
  return files;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sandbox-'));
  await start();
});
afterEach(async () => {
  await stop();
  await rm(folder, { recursive: true });
});

describe('STOW-RS', () => {
  it('stores every instance of a request and says so, one by one', async () => {
    const response = await stow(stowBody([one.file, two.file]));
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), 'application/dicom+json');
    assert.deepEqual(referenced(await answerOf(response)), [one.sopInstanceUid, two.sopInstanceUid]);
    assert.deepEqual(await summary(), { studies: 1, instances: 2, arrivals: 2, repeats: 0 });
  });

  it('answers 202 with the reason for what cannot be stored, and 409 when nothing can', async () => {
    const wrongMeta = Buffer.from(one.file);
    wrongMeta.write('1.2.1.1.9', wrongMeta.indexOf('1.2.1.1.1'), 'latin1');
    const cutShort = two.file.subarray(0, two.file.length - 7);
    const mixed = await stow(stowBody([wrongMeta, other.file, cutShort, Buffer.from('no DICOM at all')]));
    assert.equal(mixed.status, 202);
    const answer = await answerOf(mixed);
    assert.deepEqual(referenced(answer), [other.sopInstanceUid]);
    assert.deepEqual(failures(answer), [
      ['1.2.1.1.9', 0xa900],
      [two.sopInstanceUid, 0xc000],
    ]);
    assert.deepEqual(failures(answer, '0008119A'), [[undefined, 0xc000]]);
    const nothing = await stow(stowBody([cutShort]));
    assert.equal(nothing.status, 409);
    assert.deepEqual(referenced(await answerOf(nothing)), []);
    assert.deepEqual(await readdir(join(folder, 'incoming')), []);
  });

  it('refuses instances that are not of the study in the path', async () => {
    const response = await stow(stowBody([one.file, other.file]), '/studies/1.2.1');
    assert.equal(response.status, 202);
    assert.deepEqual(failures(await answerOf(response)), [[other.sopInstanceUid, 0xa900]]);
  });

  it('keeps nothing of a request that is malformed, too long, or of the wrong media type', async () => {
    assert.equal((await stow(stowBody([one.file]).subarray(0, -10))).status, 400);
    assert.equal((await stow(Buffer.from('--b0undary--'))).status, 400);
    assert.equal((await stow(stowBody(Array.from({ length: 5 }, () => one.file)))).status, 413);
    assert.equal((await stow(stowBody([one.file]), '/studies', 'application/dicom')).status, 415);
    assert.equal((await stow(stowBody([one.file]), '/studies', STOW_TYPE.replace('dicom"', 'dicom+json"'))).status, 415);
    assert.deepEqual(await summary(), { studies: 0, instances: 0, arrivals: 0, repeats: 0 });
    assert.deepEqual(await readdir(join(folder, 'incoming')), []);
  });

  it('lists an identical repeat as stored and counts it, and keeps other content under the same UID beside the first', async () => {
    await stow(stowBody([one.file]));
    assert.deepEqual(referenced(await answerOf(await stow(stowBody([one.file])))), [one.sopInstanceUid]);
    assert.deepEqual(await summary(), { studies: 1, instances: 1, arrivals: 2, repeats: 1 });
    const changed = makeInstance({ study: '1.2.1', series: '1.2.1.1', instance: '1.2.1.1.1' });
    assert.deepEqual(referenced(await answerOf(await stow(stowBody([changed.file])))), [one.sopInstanceUid]);
    assert.deepEqual(
      (await arrivals()).map(({ digest, repeat }) => [digest, repeat]),
      [
        [one.digest, false],
        [one.digest, true],
        [changed.digest, false],
      ],
    );
    const [stored] = [...archive.index.selectInstances('1.2.1', '1.2.1.1', '1.2.1.1.1')];
    const versions = stored!.versions;
    assert.deepEqual(
      versions.map(({ digest }) => digest),
      [one.digest, changed.digest],
    );
    assert.deepEqual(await retrieve('/studies/1.2.1/series/1.2.1.1/instances/1.2.1.1.1'), [changed.file]);
  });

  it('journals what arrived with the digest of its data set', async () => {
    await stow(stowBody([one.file, two.file]));
    const [first, second] = await arrivals();
    assert.equal(
      first?.digest,
      createHash('sha256')
        .update(one.file.subarray(one.file.length - dataSetBytes(one.file)))
        .digest('hex'),
    );
    assert.equal(first?.transferSyntaxUid, EXPLICIT_LITTLE_ENDIAN);
    assert.equal(first?.size, one.file.length);
    assert.equal(first?.stowRequest, second?.stowRequest);
    await fetch(`${sandbox.origin}/sandbox/arrivals`, { method: 'DELETE' });
    assert.deepEqual(await arrivals(), []);
    assert.equal((await find('/studies')).length, 1);
  });
});

/** The group length (0002,0000) says where the data set begins. */
const dataSetBytes = (file: Buffer): number => file.length - (144 + file.readUInt32LE(140));

describe('QIDO-RS', () => {
  beforeEach(async () => {
    await stow(stowBody([one.file, two.file, other.file]));
  });
  const studies = async (query: string) => (await find(`/studies?${query}`)).map((found) => uidValue(found, '0020000D'));

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
    const first = await fetch(`${sandbox.url}/instances?limit=2`);
    assert.match(first.headers.get('warning') ?? '', /^299 /);
    const pages = [
      ...parseDicomJson(await first.text()),
      ...(await find('/instances?limit=2&offset=2')),
      ...(await find('/instances?limit=2&offset=3')),
    ];
    assert.deepEqual(
      pages.map((found) => uidValue(found, '00080018')),
      [one, two, other].map((made) => made.sopInstanceUid),
    );
  });

  it('searches on every level, with counts, character sets decoded, and retrieve URLs that work', async () => {
    const [study] = await find('/studies?StudyInstanceUID=1.2.1');
    assert.deepEqual(textValues(study!, '00080061'), ['CT', 'SR']);
    assert.deepEqual([textValue(study!, '00201206'), textValue(study!, '00201208')], ['2', '2']);
    assert.equal(textValue(study!, '00100010'), 'Müller^Jürg');
    assert.equal((await find('/studies/1.2.1/series')).length, 2);
    assert.equal((await find('/series?Modality=CT')).length, 2);
    assert.equal((await find('/studies/1.2.1/series/1.2.1.2/instances')).length, 1);
    const [instance] = await find(`/instances?SOPInstanceUID=${two.sopInstanceUid}`);
    assert.equal(textValue(instance!, '00280010'), '258');
    assert.equal(uidValue(instance!, '00083002'), EXPLICIT_LITTLE_ENDIAN);
    const url = textValue(instance!, '00081190')!;
    assert.deepEqual(await retrieve(url.slice(sandbox.url.length)), [two.file]);
  });

  it('refuses a key that it cannot match instead of ignoring it', async () => {
    for (const query of ['Nonsense=1', 'SOPInstanceUID=1.2', 'limit=many'])
      assert.equal((await fetch(`${sandbox.url}/studies?${query}`)).status, 400, query);
  });
});

describe('WADO-RS', () => {
  beforeEach(async () => {
    await stow(stowBody([one.file, two.file]));
  });

  it('gives study, series and instance back byte for byte', async () => {
    assert.deepEqual(await retrieve('/studies/1.2.1'), [one.file, two.file]);
    assert.deepEqual(await retrieve('/studies/1.2.1/series/1.2.1.2'), [two.file]);
    assert.deepEqual(await retrieve('/studies/1.2.1/series/1.2.1.1/instances/1.2.1.1.1', '*/*'), [one.file]);
  });

  it('answers 404 for what is not there and 406 for another representation', async () => {
    assert.equal((await fetch(`${sandbox.url}/studies/1.9`)).status, 404);
    const accept = 'multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.4.90';
    assert.equal((await fetch(`${sandbox.url}/studies/1.2.1`, { headers: { accept } })).status, 406);
    assert.equal((await fetch(`${sandbox.url}/studies/1.2.1`, { headers: { accept: 'application/dicom+json' } })).status, 406);
  });

  it('gives metadata of each instance', async () => {
    const metadata = await find('/studies/1.2.1/metadata');
    assert.deepEqual(
      metadata.map((found) => uidValue(found, '00080018')),
      [one.sopInstanceUid, two.sopInstanceUid],
    );
  });
});

describe('restart', () => {
  it('finds everything again, forgets a torn last line, and removes files that were never answered for', async () => {
    await stow(stowBody([one.file, two.file]));
    await stop();
    await appendFile(join(folder, 'index.ndjson'), '{"file":"half');
    await appendFile(join(folder, 'incoming', 'left-over'), 'x');
    await start();
    assert.deepEqual(await readdir(join(folder, 'incoming')), []);
    assert.deepEqual(await retrieve('/studies/1.2.1'), [one.file, two.file]);
    await stow(stowBody([one.file, other.file]));
    assert.deepEqual(await summary(), { studies: 2, instances: 3, arrivals: 4, repeats: 1 });
    await stop();
    await start();
    assert.equal((await find('/instances')).length, 3);
  });
});

describe('ordered faults', () => {
  const post = () => stow(stowBody([one.file, two.file, other.file]));

  it('answers a status so often as ordered, then works', async () => {
    await order({ mode: 'status', status: 503, retryAfter: 1, times: 2, skip: 1 });
    const answers = [];
    for (let request = 0; request < 4; request += 1) answers.push(await post());
    assert.deepEqual(
      answers.map(({ status, headers }) => [status, headers.get('retry-after')]),
      [
        [200, null],
        [503, '1'],
        [503, '1'],
        [200, null],
      ],
    );
  });

  it('refuses every second instance with the reason ordered', async () => {
    await order({ mode: 'refuse-instance', reason: 0xc122, every: 2 });
    const response = await post();
    assert.equal(response.status, 202);
    assert.deepEqual(failures(await answerOf(response)), [[two.sopInstanceUid, 0xc122]]);
  });

  it('cuts the connection in the middle of a body with nothing kept, or after storing and before the answer', async () => {
    await order({ mode: 'cut', afterBytes: 6000 });
    await assert.rejects(post());
    assert.deepEqual(await summary(), { studies: 0, instances: 0, arrivals: 0, repeats: 0 });
    await order({ mode: 'cut' });
    await assert.rejects(post());
    assert.deepEqual(await summary(), { studies: 2, instances: 3, arrivals: 3, repeats: 0 });
  });

  it('answers 200 without a body, keeping the instances or not', async () => {
    await order({ mode: 'bare-200', store: false });
    const response = await post();
    assert.deepEqual([response.status, await response.text()], [200, '']);
    assert.equal((await find('/instances')).length, 0);
    await order({ mode: 'bare-200', store: true });
    await post();
    assert.equal((await find('/instances')).length, 3);
  });

  it('does not answer when told to hang, and cuts and slows retrieval too', async () => {
    await post();
    await order({ mode: 'hang', times: 1 });
    await assert.rejects(
      fetch(`${sandbox.url}/studies`, {
        method: 'POST',
        body: stowBody([one.file]) as unknown as string,
        headers: { 'content-type': STOW_TYPE },
        signal: AbortSignal.timeout(300),
      }),
    );
    await order({ mode: 'cut', target: 'wado', afterBytes: 7000 });
    await assert.rejects(retrieve('/studies/1.2.1'));
    await order({ mode: 'slow', target: 'wado', bytesPerSecond: 100_000 });
    const began = performance.now();
    await retrieve('/studies/1.2.1');
    assert.ok(performance.now() - began >= 90, 'about 10 kB at 100 kB/s');
    await fetch(`${sandbox.origin}/sandbox/faults`, { method: 'DELETE' });
    assert.equal((await retrieve('/studies/1.2.1')).length, 2);
  });

  it('refuses what is not a fault, and every fault where faults are not allowed', async () => {
    assert.equal((await order({ mode: 'explode' as 'hang' })).status, 400);
    const closed = await startSandbox({ archive, journal, host: '127.0.0.1', port: 0, allowFaults: false, report: () => undefined });
    const response = await fetch(`${closed.origin}/sandbox/faults`, { method: 'PUT', body: '{"mode":"hang"}' });
    assert.equal(response.status, 403);
    await closed.close(0);
  });
});
