// What a gateway still holds, read over DICOMweb by foreign clients: curl and Orthanc's DICOMweb client, each with an API token.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { startOrthanc, storescu } from './peers-under-test.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

let scratch: string;
let gateway: GatewayUnderTest;
let files: SyntheticFile[];
let token: string;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'causeway-dicomweb-'));
  gateway = await startGateway();
  files = await makeSyntheticFiles(join(scratch, 'files'), { studies: 2, instances: 5, seed: 7, rows: 64, columns: 64 });
  const sent = await storescu(
    gateway.ports.dicom,
    {},
    files.map(({ path }) => path),
  );
  assert.ok(sent.ok, sent.output);
  const client = await signIn(gateway.pageUrl, gateway.firstPassword());
  token = (await client.send<{ token: string }>('POST', '/api/tokens', { name: 'viewer' })).body.token;
  await until('both studies in the ledger', async () => {
    const studies = JSON.parse((await curl('/studies')).toString()) as Record<string, { Value: number[] }>[];
    return studies.length === 2 && studies.every((study) => study['00201208']!.Value[0] === 5);
  });
});
after(async () => {
  await gateway?.stop();
  await rm(scratch, { recursive: true, force: true });
});

async function curl(path: string, ...more: string[]): Promise<Buffer> {
  const args = ['-sS', '--fail', '-H', `Authorization: Bearer ${token}`, ...more, `${gateway.pageUrl}/dicom-web${path}`];
  return (await promisify(execFile)('curl', args, { encoding: 'buffer', maxBuffer: 64 * 1024 ** 2 })).stdout;
}
const digestOfDataSet = (object: Buffer): string =>
  createHash('sha256')
    .update(object.subarray(parseFileMeta(object)!.dataSetOffset))
    .digest('hex');

describe('what the gateway holds', () => {
  it('is read by curl as it was sent: the digest of every data set is that of its file', async () => {
    for (const { studyInstanceUid, sopInstanceUid, digest } of files) {
      const [found] = JSON.parse((await curl(`/studies/${studyInstanceUid}/instances?SOPInstanceUID=${sopInstanceUid}`)).toString());
      const object = await curl(new URL(found['00081190'].Value[0]).pathname.replace('/dicom-web', ''), '-H', 'Accept: application/dicom');
      assert.equal(digestOfDataSet(object), digest);
    }
  });

  it('is fetched by Orthanc, which asks, retrieves and stores whole studies', async () => {
    const orthanc = await startOrthanc(scratch);
    try {
      const ask = async (method: string, path: string, body?: unknown): Promise<Response> => {
        const answer = await fetch(`${orthanc.url}${path}`, { method, body: body === undefined ? undefined : JSON.stringify(body) });
        assert.ok(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
        return answer;
      };
      const server = { Url: `${gateway.pageUrl}/dicom-web/`, HttpHeaders: { Authorization: `Bearer ${token}` } };
      await ask('PUT', '/dicom-web/servers/causeway', server);
      const studies = [...new Set(files.map(({ studyInstanceUid }) => studyInstanceUid))];
      const found = await (await ask('POST', '/dicom-web/servers/causeway/qido', { Uri: '/studies' })).text();
      assert.deepEqual(
        studies.filter((study) => !found.includes(study)),
        [],
      );
      await ask('POST', '/dicom-web/servers/causeway/retrieve', { Resources: studies.map((Study) => ({ Study })), Synchronous: true });
      const ids = (await (await ask('GET', '/instances')).json()) as string[];
      const objects = await Promise.all(
        ids.map(async (id) => Buffer.from(await (await ask('GET', `/instances/${id}/file`)).arrayBuffer())),
      );
      assert.deepEqual(objects.map(digestOfDataSet).sort(), files.map(({ digest }) => digest).sort());
    } finally {
      await orthanc.stop();
    }
  });
});
