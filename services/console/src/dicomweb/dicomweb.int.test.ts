// DICOMweb read on a real PostgreSQL and a folder of objects: asked by pydicom and by plain requests, within facilities, limits and memory.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get as httpGet, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, beforeEach, describe, test } from 'node:test';
import { promisify } from 'node:util';
import type { UserRights } from '@causeway/shared/database/accounts';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { Instance } from '@causeway/shared/events/instance';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { startTestConsole, type TestConsole } from '../console-for-tests.ts';
import { type Site, siteInstance, siteRouted, TWO_FACILITIES } from '../two-facilities-for-tests.ts';

const FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const PYTHON = '/usr/bin/python3';
const GIB = 1024 ** 3;
const FIRST_UIDS = ['0020000D', '0020000E', '00080018', '00080016'];

let page: TestConsole;
let store: Awaited<ReturnType<typeof openFolderStore>>;
let folder: string;
let address: string;
/** In place of what is in the folder. */
const madeUp = new Map<string, () => Readable>();
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-dicomweb-'));
  store = await openFolderStore(join(folder, 'objects'));
  const get: typeof store.get = async (key, range) => madeUp.get(key)?.() ?? store.get(key, range);
  page = await startTestConsole({ revision: () => TWO_FACILITIES, store: { get } });
  address = await page.app.listen({ host: '127.0.0.1', port: 0 });
});
after(async () => {
  await page?.stop();
  await store?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => page.clear());

type Ask = Awaited<ReturnType<TestConsole['as']>>;
const reader = (facilities: string[]): UserRights => ({ role: 'reader', allFacilities: facilities.length === 0, facilities });

async function put({ objectKey }: Instance, bytes: Buffer): Promise<void> {
  const upload = store.create(objectKey);
  await upload.write(bytes);
  await upload.commit();
}

/** A real file as it would have been received by a site; undefined: its data set has no identity. */
function received(site: Site, number: number, bytes: Buffer): Instance | undefined {
  const { meta, dataSetOffset } = parseFileMeta(bytes)!;
  const scanner = new DataSetScanner({ transferSyntaxUid: meta.transferSyntaxUid, wanted: FIRST_UIDS });
  if (scanner.write(bytes.subarray(dataSetOffset)) !== undefined) return undefined;
  const { values } = scanner.snapshot();
  const [study, series, sop, sopClass] = FIRST_UIDS.map((tag) => values.get(tag)?.toString('latin1').replace(/\0+$/, ''));
  if (!study || !series || !sop || !sopClass) return undefined;
  const digest = createHash('sha256').update(bytes.subarray(dataSetOffset)).digest('hex');
  const identity = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: sop, sopClassUid: sopClass };
  return { ...siteInstance(site, number), ...identity, digest, size: bytes.length, transferSyntaxUid: meta.transferSyntaxUid };
}

/** Every readable file of pydicom's, each as an instance of the north. */
async function receiveFiles(): Promise<Map<string, { instance: Instance; path: string }>> {
  const known = new Map<string, { instance: Instance; path: string }>();
  for (const [number, name] of readdirSync(FILES)
    .filter((file) => file.endsWith('.dcm'))
    .sort()
    .entries()) {
    const path = join(FILES, name);
    const bytes = readFileSync(path);
    if (bytes.length < 200 || bytes.toString('latin1', 128, 132) !== 'DICM') continue;
    let instance: Instance | undefined;
    try {
      instance = received('north', number, bytes);
    } catch {
      continue;
    }
    // Some files share their UIDs: only the first of them.
    if (instance === undefined || known.has(instance.sopInstanceUid)) continue;
    await put(instance, bytes);
    await applyFacts(page.database, [siteRouted('north', instance)]);
    known.set(instance.sopInstanceUid, { instance, path });
  }
  return known;
}

const pathOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: Instance): string =>
  `/dicom-web/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
async function tokenOf(ask: Ask): Promise<string> {
  return (await ask('POST', '/api/tokens', { name: 'viewer' })).json().token;
}

/** Fetches each address, reads what came with pydicom, prints a line each: digest of the object as it came, SOP Instance UID, compared metadata. */
const PYDICOM = `
import sys, json, hashlib, io, urllib.request, warnings
warnings.simplefilter('ignore')
import pydicom
from pydicom.dataset import Dataset
base, token, jobs = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
def fetch(path, accept):
    asked = urllib.request.Request(base + path, headers={'Authorization': 'Bearer ' + token, 'Accept': accept})
    with urllib.request.urlopen(asked) as answer: return answer.headers['Content-Type'], answer.read()
BINARY = ('OB','OW','OF','OD','OL','OV','UN','SQ')
def shown(element):
    value = element.value
    values = [] if value is None or value == '' else list(value) if element.VM > 1 else [value]
    return [float(one) if element.VR in ('DS', 'IS', 'FL', 'FD') else str(one).strip() for one in values]
for job in jobs:
    kind, body = fetch(job['path'], 'multipart/related; type="application/dicom"; transfer-syntax=*')
    boundary = b'--' + kind.split('boundary=')[1].strip('"').encode()
    part = body.split(boundary)[1].split(b'\\r\\n\\r\\n', 1)[1]
    part = body[body.index(b'\\r\\n\\r\\n') + 4 : body.rindex(b'\\r\\n' + boundary)]
    read = pydicom.dcmread(io.BytesIO(part), force=True)
    _, text = fetch(job['path'] + '/metadata', 'application/dicom+json')
    metadata = json.loads(text)
    try: told = Dataset.from_json(metadata[0])
    except ValueError as error: print(json.dumps([hashlib.sha256(part).hexdigest(), str(read.SOPInstanceUID), [str(error)]])); continue
    differing = []
    for element in read:
        if element.VR in BINARY or element.tag.element == 0 or element.tag.group == 2: continue
        if element.tag not in told: differing.append(str(element.tag) + ' missing'); continue
        if shown(element) != shown(told[element.tag]): differing.append('%s %r %r' % (element.tag, shown(element), shown(told[element.tag])))
    for element in read:
        if element.VR == 'SQ' and (element.tag not in told or len(told[element.tag].value) != len(element.value)): differing.append(str(element.tag) + ' items')
    if (0x7fe0, 0x10) in told: differing.append('pixel data')
    print(json.dumps([hashlib.sha256(part).hexdigest(), str(read.SOPInstanceUID), differing]))
`;

describe('every real file', () => {
  test('is read back by pydicom byte for byte, and its metadata says what pydicom reads in the file', async () => {
    const known = [...(await receiveFiles()).values()];
    assert.ok(known.length >= 25, `${known.length} files`);
    const jobs = join(folder, 'jobs.json');
    writeFileSync(jobs, JSON.stringify(known.map(({ instance }) => ({ path: pathOf(instance) }))));
    const token = await tokenOf(page.request);
    const script = ['-c', PYDICOM, address, token, jobs];
    const { stdout: run } = await promisify(execFile)(PYTHON, script, { maxBuffer: GIB });
    const lines = run
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as [string, string, string[]]);
    assert.equal(lines.length, known.length);
    for (const [at, [digest, sopInstanceUid, differing]] of lines.entries()) {
      const { instance, path } = known[at]!;
      assert.deepEqual([digest, sopInstanceUid], [digestOf(readFileSync(path)), instance.sopInstanceUid], path);
      // One has letters in a whole number: told as it is, which pydicom does not take.
      assert.deepEqual(differing, path.endsWith('badVR.dcm') ? ["invalid literal for int() with base 10: '1A'"] : [], path);
    }
  });
});

type Json = Record<string, { vr: string; Value?: unknown[] }>;
const STUDY_UID = '0020000D';
const searched = async (ask: Ask, query: string): Promise<Json[]> => {
  const reply = await ask('GET', `/dicom-web${query}`);
  assert.equal(reply.statusCode, 200, `${query}: ${reply.body}`);
  assert.match(String(reply.headers['content-type']), /^application\/dicom\+json/);
  return reply.json();
};
const firstOf = (json: Json, tag: string): unknown => json[tag]?.Value?.[0];
const studiesOf = async (ask: Ask, query: string): Promise<unknown[]> =>
  (await searched(ask, `/studies?${query}`)).map((one) => firstOf(one, STUDY_UID)).sort();
/** One instance each, with a small object. */
async function receive(...instances: Instance[]): Promise<void> {
  for (const instance of instances) {
    madeUp.set(instance.objectKey, () => Readable.from([Buffer.alloc(instance.size, 7)]));
    await applyFacts(page.database, [siteRouted(instance.association.calledAe === 'SOUTH' ? 'south' : 'north', instance)]);
  }
}
const withAttributes = (instance: Instance, attributes: Record<string, string>): Instance => ({
  ...instance,
  attributes: { ...instance.attributes, ...attributes },
});
const errorOf = (reply: { statusCode: number; json(): { error: string } }) => [reply.statusCode, reply.json().error];
const identityOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: Instance) => ({
  studyInstanceUid,
  seriesInstanceUid,
  sopInstanceUid,
});

describe('a search', () => {
  const [one, two, three] = [siteInstance('north', 1), siteInstance('north', 2), siteInstance('north', 3)];
  beforeEach(() =>
    receive(
      withAttributes(one, { PatientName: 'MÜLLER^JÜRGEN', StudyDate: '20260101', Modality: 'CT' }),
      withAttributes(two, { PatientName: 'MEYER^ANNA', StudyDate: '20260215', Modality: 'MR', StudyDescription: 'SCHÄDEL_100%' }),
      withAttributes(three, { PatientName: 'ÖZGÜR^A', StudyDate: '20260301', Modality: 'CT' }),
    ),
  );
  const uids = (...instances: Instance[]): unknown[] => instances.map(({ studyInstanceUid }) => studyInstanceUid).sort();

  test('matches values, wildcards, ranges, lists of UIDs and modalities as PS3.4 says', async () => {
    const cases: [string, Instance[]][] = [
      ['', [one, two, three]],
      ['PatientName=M*', [one, two]],
      ['PatientName=m%C3%BCller^j*', [one]],
      ['PatientName=*GEN', [one]],
      ['PatientName=ME?ER^ANNA', [two]],
      ['PatientName=MEYER', []],
      ['00100010=MEYER^ANNA', [two]],
      ['PatientName=MEYER^ANNA&StudyDate=20260101', []],
      ['StudyDate=20260101-20260228', [one, two]],
      ['StudyDate=-20260215', [one, two]],
      ['StudyDate=20260216-', [three]],
      ['StudyDate=20260301', [three]],
      [`StudyInstanceUID=${one.studyInstanceUid},${three.studyInstanceUid}`, [one, three]],
      [`0020000d=${one.studyInstanceUid}%5C${two.studyInstanceUid}`, [one, two]],
      ['ModalitiesInStudy=CT', [one, three]],
      ['StudyDescription=SCH%C3%84DEL_100%25', [two]],
      ['StudyDescription=SCH*%25', [two]],
      ['StudyDescription=SCH*_1__%25', []],
      ['PatientID=NORTH-ID-2', [two]],
      ['PatientID=*-ID-?', [one, two, three]],
      ['PatientID=%27%20OR%201=1%20--', []],
      ['PatientID=', [one, two, three]],
    ];
    for (const [query, expected] of cases) assert.deepEqual(await studiesOf(page.request, query), uids(...expected), query);
  });

  test('answers as a viewer asks: attributes with their VR, counts, a URL to read from', async () => {
    const query = '/studies?limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060&00080020=20260101-20260101';
    const [study] = await searched(page.request, query);
    assert.deepEqual(study!['00100010'], { vr: 'PN', Value: [{ Alphabetic: 'MÜLLER^JÜRGEN' }] });
    assert.deepEqual(
      [study!['00201206'], study!['00201208']],
      [
        { vr: 'IS', Value: [1] },
        { vr: 'IS', Value: [1] },
      ],
    );
    assert.deepEqual(study!['00080061'], { vr: 'CS', Value: ['CT'] });
    assert.match(String(firstOf(study!, '00081190')), new RegExp(`^http://.*/dicom-web/studies/${one.studyInstanceUid}$`));
    const [series] = await searched(page.request, `/studies/${one.studyInstanceUid}/series?Modality=CT`);
    assert.deepEqual([firstOf(series!, '0020000E'), firstOf(series!, '00201209')], [one.seriesInstanceUid, 1]);
    const inSeries = `/studies/${one.studyInstanceUid}/series/${one.seriesInstanceUid}/instances?InstanceNumber=01`;
    const [instance] = await searched(page.request, inSeries);
    assert.deepEqual([firstOf(instance!, '00080018'), firstOf(instance!, '00083002')], [one.sopInstanceUid, one.transferSyntaxUid]);
    assert.equal((await searched(page.request, `/instances?SOPInstanceUID=${two.sopInstanceUid}`)).length, 1);
    assert.deepEqual(await searched(page.request, `/series?StudyInstanceUID=${two.studyInstanceUid}&Modality=CT`), []);
  });

  test('gives pages without gap or repeat, and warns when there is more', async () => {
    const pages: Awaited<ReturnType<Ask>>[] = [];
    for (const offset of [0, 1, 2, 3]) pages.push(await page.request('GET', `/dicom-web/studies?limit=1&offset=${offset}`));
    const found = pages.flatMap((reply) => (reply.json() as Json[]).map((study) => firstOf(study, STUDY_UID)));
    assert.deepEqual(found.sort(), uids(one, two, three));
    assert.deepEqual(
      pages.map(({ headers }) => /^299 .*additional results/.test(String(headers.warning))),
      [true, true, false, false],
    );
    assert.deepEqual([pages[3]!.statusCode, pages[3]!.body], [200, '[]']);
  });

  test('says that it does not match fuzzily, and refuses what it cannot match', async () => {
    const fuzzy = await page.request('GET', '/dicom-web/studies?fuzzymatching=true&PatientName=MEYER^ANNA');
    assert.deepEqual([fuzzy.json().length, /Only literal matching/.test(String(fuzzy.headers.warning))], [1, true]);
    const wrong = [
      '/studies?Manufacturer=X',
      '/studies?Modality=CT',
      '/studies?limit=x',
      '/studies?offset=-1',
      '/series',
      '/instances?PatientID=1',
    ];
    for (const query of [...wrong, `/studies?PatientName=${'a*'.repeat(20)}`, `/studies?PatientID=${'x'.repeat(2000)}`])
      assert.equal((await page.request('GET', `/dicom-web${query}`)).statusCode, 400, query);
    const headers = { accept: 'application/dicom+xml', authorization: `Bearer ${await tokenOf(page.request)}` };
    assert.equal((await page.app.inject({ method: 'GET', url: '/dicom-web/studies', headers })).statusCode, 406);
  });
});

describe('a retrieval', () => {
  test('of what is not held any more is 410, of what never was 404, of a part 206 with a warning', async () => {
    const kept = siteInstance('north', 1);
    const deleted = { ...siteInstance('north', 2, kept.studyInstanceUid!), seriesInstanceUid: kept.seriesInstanceUid! };
    await receive(kept, deleted);
    const get = (path: string) => page.request('GET', `/dicom-web${path}`);
    assert.equal((await get(`/studies/${kept.studyInstanceUid}`)).statusCode, 200);
    await page.database.query('UPDATE instances SET object_deleted_at = now() WHERE receipt_id = $1', [deleted.receiptId]);
    const part = await get(`/studies/${kept.studyInstanceUid}`);
    assert.deepEqual([part.statusCode, /1 of 2 instances are not held/.test(String(part.headers.warning))], [206, true]);
    assert.deepEqual(errorOf(await page.request('GET', pathOf(deleted))), [410, 'gone']);
    assert.equal((await searched(page.request, `/studies/${kept.studyInstanceUid}/instances`)).length, 1);
    await page.database.query('UPDATE instances SET object_deleted_at = now()');
    assert.deepEqual(errorOf(await get(`/studies/${kept.studyInstanceUid}`)), [410, 'gone']);
    assert.deepEqual(await searched(page.request, '/studies'), []);
    assert.deepEqual(errorOf(await get('/studies/1.2.3.4')), [404, 'not-found']);
    for (const path of ['/studies/1.2.x', `/studies/${kept.studyInstanceUid}/series/..%2f..`])
      assert.equal((await get(path)).statusCode, 400, path);
    const instance = `/series/${kept.seriesInstanceUid}/instances/${kept.sopInstanceUid}`;
    for (const path of ['/rendered', '/thumbnail', `${instance}/frames/1`, `${instance}/bulkdata`])
      assert.equal((await get(`/studies/${kept.studyInstanceUid}${path}`)).statusCode, 404, path);
  });

  test('of an object that the store has lost is 410 before the answer begins', async () => {
    const instance = siteInstance('north', 99);
    await applyFacts(page.database, [siteRouted('north', instance)]);
    assert.deepEqual(errorOf(await page.request('GET', pathOf(instance))), [410, 'gone']);
  });

  test('gives the stored transfer syntax, alone or in multipart, and 406 to who wants another', async () => {
    const instance = siteInstance('north', 1);
    await receive(instance);
    const authorization = `Bearer ${await tokenOf(page.request)}`;
    const get = (accept: string) => page.app.inject({ method: 'GET', url: pathOf(instance), headers: { accept, authorization } });
    const single = await get('application/dicom; transfer-syntax=1.2.840.10008.1.2.1');
    assert.deepEqual([single.statusCode, digestOf(single.rawPayload)], [200, digestOf(Buffer.alloc(instance.size, 7))]);
    assert.equal(single.headers['content-type'], 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1');
    const multipart = 'multipart/related; type="application/dicom"';
    for (const accept of ['*/*', multipart, 'multipart/related; type=application/dicom; transfer-syntax=*'])
      assert.match(String((await get(accept)).headers['content-type']), /^multipart\/related; type="application\/dicom"; boundary=/);
    const wrong = [
      'image/jpeg',
      'multipart/related; type="application/octet-stream"',
      `${multipart}; transfer-syntax=1.2.840.10008.1.2.4.50`,
    ];
    for (const accept of wrong) assert.deepEqual(errorOf(await get(accept)), [406, 'not-acceptable'], accept);
  });

  test('of several receipts of one UID gives the latest, and warns when their content differs', async () => {
    const first = siteInstance('north', 1);
    const repeat = { ...siteInstance('north', 2), ...identityOf(first), digest: first.digest };
    const other = { ...siteInstance('north', 3), ...identityOf(first), size: 3000 };
    const given = async () => {
      const { headers, rawPayload } = await page.request('GET', pathOf(first));
      return [rawPayload.includes(Buffer.alloc(2500, 7)), headers.warning !== undefined];
    };
    await receive(first, repeat);
    assert.deepEqual(await given(), [false, false]);
    await receive(other);
    assert.deepEqual(await given(), [true, true]);
    assert.equal((await searched(page.request, `/studies/${first.studyInstanceUid}/instances`)).length, 1);
  });

  test('is in the audit: who read which study, once in a while and not once for each image', async () => {
    const instance = siteInstance('north', 1);
    await receive(instance);
    const ask = await page.as('vera', reader([]));
    for (let n = 0; n < 5; n += 1) await ask('GET', pathOf(instance));
    await ask('GET', `${pathOf(instance)}/metadata`);
    const { actions } = (await ask('GET', '/api/audit')).json();
    assert.deepEqual(
      actions.map(({ operator, action, subject }: Record<string, string>) => [operator, action, subject]),
      [['vera', 'study-read', instance.studyInstanceUid]],
    );
  });
});

describe('who has some facilities', () => {
  test('searches and reads what is theirs, and nothing else exists', async () => {
    const [mine, theirs] = [siteInstance('north', 1), siteInstance('south', 2)];
    const shared = [siteInstance('south', 3, '2.25.5555'), siteInstance('north', 4, '2.25.5555')] as const;
    await receive(mine, theirs, ...shared);
    const north = await page.as('nora', reader(['north']));
    assert.deepEqual(await studiesOf(north, ''), [mine.studyInstanceUid, '2.25.5555'].sort());
    for (const query of ['PatientName=SOUTH*', 'PatientID=SOUTH-ID-2', `StudyInstanceUID=${theirs.studyInstanceUid}`])
      assert.deepEqual(await studiesOf(north, query), [], query);
    const [study] = await searched(north, '/studies?StudyInstanceUID=2.25.5555');
    assert.deepEqual([firstOf(study!, '00100020'), firstOf(study!, '00201208')], ['NORTH-ID-4', 1]);
    for (const path of [`/dicom-web/studies/${theirs.studyInstanceUid}`, pathOf(theirs), `${pathOf(theirs)}/metadata`, pathOf(shared[0])])
      assert.equal((await north('GET', path)).statusCode, 404, path);
    assert.deepEqual(await searched(north, `/instances?SOPInstanceUID=${theirs.sopInstanceUid}`), []);
    const { rawPayload } = await north('GET', '/dicom-web/studies/2.25.5555');
    assert.equal(rawPayload.toString('latin1').split('Content-Type: application/dicom').length - 1, 1);
    await page.database.query('UPDATE instances SET object_deleted_at = now() WHERE receipt_id = $1', [shared[0].receiptId]);
    assert.equal((await north('GET', '/dicom-web/studies/2.25.5555')).statusCode, 200);
  });
});

describe('an object of 2 GiB', () => {
  test('goes out at the pace of its reader and costs no memory; a reader that goes away ends it', async () => {
    const big = { ...siteInstance('north', 1), size: 2 * GIB };
    await receive(big);
    const chunk = Buffer.alloc(1024 ** 2, 1);
    const sources: Readable[] = [];
    madeUp.set(big.objectKey, () => {
      let left = big.size;
      const source = new Readable({
        read() {
          left -= chunk.length;
          this.push(left >= 0 ? chunk : null);
        },
      });
      sources.push(source);
      return source;
    });
    const authorization = `Bearer ${await tokenOf(page.request)}`;
    const open = () => new Promise<IncomingMessage>((resolve) => httpGet(address + pathOf(big), { headers: { authorization } }, resolve));
    const before = process.memoryUsage().rss;
    let [bytes, most] = [0, 0];
    for await (const part of await open()) {
      bytes += (part as Buffer).length;
      most = Math.max(most, process.memoryUsage().rss);
    }
    assert.ok(bytes > big.size, `${bytes}`);
    assert.ok(most - before < 200 * 1024 ** 2, `${Math.round((most - before) / 1024 ** 2)} MiB more`);
    (await open()).destroy();
    const source = sources.at(-1)!;
    await new Promise((resolve) => (source.closed ? resolve(undefined) : source.once('close', resolve)));
  });
});

describe('one user', () => {
  test('reads a few at a time: more are answered 503, others are not touched, and it goes on when one is done', async () => {
    const instance = siteInstance('north', 1);
    await receive(instance);
    madeUp.set(instance.objectKey, () => new Readable({ read() {} }));
    const token = await tokenOf(page.request);
    const ask = (): Promise<IncomingMessage> =>
      new Promise((resolve) => httpGet(address + pathOf(instance), { headers: { authorization: `Bearer ${token}` } }, resolve));
    const hanging = await Promise.all(Array.from({ length: 8 }, ask));
    assert.deepEqual(
      hanging.map(({ statusCode }) => statusCode),
      Array(8).fill(200),
    );
    const ninth = await ask();
    ninth.resume();
    assert.deepEqual([ninth.statusCode, ninth.headers['retry-after']], [503, '1']);
    const other = await page.as('vera', reader([]));
    assert.equal((await other('GET', '/dicom-web/studies')).statusCode, 200);
    for (const one of hanging) one.destroy();
    for (let status = 0; status !== 200; ) {
      const again = await ask();
      status = again.statusCode!;
      again.destroy();
    }
  });
});
