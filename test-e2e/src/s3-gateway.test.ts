// A whole gateway with its objects in a bucket of a real S3 server: every service works on it, and what arrives is what was sent.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { openS3Store, type S3Store } from '@causeway/shared/object-store/s3';
import { type S3Server, startS3Server } from '@causeway/shared/object-store/s3-server-for-tests';
import { untilArrivedUnchanged } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { filesBelow, startOrthanc, startStorescp, storescu } from './peers-under-test.ts';
import { acceptedIn, runSend } from './run-send.ts';
import { makeSyntheticFiles } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

const BUCKET = 'gateway';
const INSTANCES = 8;

describe('a gateway with its objects in S3', () => {
  let scratch: string;
  let s3: S3Server;
  let bucket: S3Store;
  let orthanc: Awaited<ReturnType<typeof startOrthanc>>;
  let pacs: Awaited<ReturnType<typeof startStorescp>>;
  let gateway: GatewayUnderTest;
  let environment: NodeJS.ProcessEnv;
  let client: ConsoleClient;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-s3-'));
    s3 = await startS3Server({ keeps: 'disk' });
    orthanc = await startOrthanc(scratch);
    pacs = await startStorescp(scratch);
    const sandboxPort = await freePort();
    environment = { ...s3.environment(BUCKET), CAUSEWAY_S3_SPOOL: join(scratch, 'spool'), CAUSEWAY_SANDBOX_PORT: String(sandboxPort) };
    gateway = await startGateway({ config: documentFor(sandboxPort, orthanc.dicomWebUrl, pacs.port), env: environment });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
    const options = { bucket: BUCKET, endpoint: s3.endpoint, accessKey: s3.accessKey, secretKey: s3.secretKey, region: 'us-east-1' };
    bucket = await openS3Store({ ...options, pathStyle: true, spoolFolder: join(scratch, 'spool'), report: () => {} });
  });
  after(async () => {
    await gateway?.stop();
    await bucket?.close();
    for (const peer of [orthanc, pacs, s3]) await peer?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const keysUnder = async (prefix: string) => (await Array.fromAsync(bucket.list(prefix))).map(({ key }) => key);

  it('delivers a study byte for byte, and compressed where that is asked for; its objects lie in the bucket alone', async () => {
    const log = join(scratch, 'send.ndjson');
    const { code, output } = await runSend(['--port', gateway.ports.dicom, '--synthetic', `1x${INSTANCES}`, '--log', log]).ended;
    assert.equal(code, 0, output);
    const accepted = acceptedIn(log);
    assert.equal(accepted.length, INSTANCES);
    await untilArrivedUnchanged(gateway.sandboxUrl, accepted);
    assert.equal((await keysUnder('received/')).length, INSTANCES);
    await until('a smaller object of each instance', async () => (await keysUnder('derived/')).length === INSTANCES);
    await until('each is confirmed at both destinations', async () => {
      const { studies } = await client.get<{ studies: { deliveries: Record<string, Record<string, number>> }[] }>('/api/studies');
      const { deliveries } = studies[0]!;
      return deliveries.sandbox?.confirmed === INSTANCES && deliveries.compressed?.confirmed === INSTANCES;
    });
    assert.deepEqual(
      (await readdir(join(gateway.dataFolder, 'objects'), { recursive: true })).filter((name) => name.endsWith('.dcm')),
      [],
    );
  });

  it('retrieves a study from an archive into the bucket, and hands it on whole', async () => {
    const files = await makeSyntheticFiles(join(scratch, 'study'), { studies: 1, instances: INSTANCES, seed: 77, rows: 64, columns: 64 });
    const paths = files.map(({ path }) => path);
    assert.ok((await storescu(orthanc.dicomPort, { called: 'ORTHANC' }, paths)).ok);
    const known = (await filesBelow(pacs.output)).size;
    const { status } = await client.send('POST', '/api/retrievals', {
      ...{ source: 'archive', studyInstanceUid: files[0]!.studyInstanceUid, destinations: ['pacs'] },
    });
    assert.equal(status, 202);
    await until('the study is at storescp', async () => (await filesBelow(pacs.output)).size === known + INSTANCES);
    assert.ok((await keysUnder('retrieved/archive/')).length >= INSTANCES);
  });

  it('goes on by itself after the S3 server was killed and came back', async () => {
    await s3.kill();
    await until('the gateway says that it is not ready', async () => !(await fetch(`${gateway.pageUrl}/health/ready`)).ok);
    await s3.start();
    await gateway.untilReady();
    const log = join(scratch, 'again.ndjson');
    const { code, output } = await runSend(['--port', gateway.ports.dicom, '--synthetic', '1x4', '--log', log]).ended;
    assert.equal(code, 0, output);
    await untilArrivedUnchanged(gateway.sandboxUrl, acceptedIn(log));
  });

  it('deletes what was delivered and whose retention has passed', async () => {
    await gateway.interrupt();
    // What is delivered only after the first round of upkeep is deleted by a later one, of which there is one in five minutes otherwise.
    await gateway.start({ env: { ...environment, CAUSEWAY_UPKEEP_MS: '1000' } });
    await until('no received and no derived object is left', async () => {
      const [received, derived] = [await keysUnder('received/'), await keysUnder('derived/')];
      return received.length === 0 && derived.length === 0;
    });
  });
});

const documentFor = (sandboxPort: number, archiveUrl: string, pacsPort: number) => ({
  facilities: [{ id: 'main', match: [{}], destinations: ['sandbox', 'compressed'], retention: '1s' }],
  destinations: [
    { id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'as-received' },
    { id: 'compressed', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'compressed' },
    { id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: pacsPort, calledAe: 'PACS', images: 'as-received' },
  ],
  // biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
  compression: [{ when: {}, then: { syntax: 'htj2k-lossless' } }],
  retrieval: { sources: [{ id: 'archive', url: archiveUrl, destinations: ['pacs'] }] },
});
