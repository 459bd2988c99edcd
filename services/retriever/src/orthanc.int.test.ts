// The retriever against a foreign archive: Orthanc with its DICOMweb plugin.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { makeInstance } from '@causeway/shared/dicomweb/instances-for-tests';
import { changes, dueRetrieval, RetrieverUnderTest } from './retriever-for-tests.ts';

const PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';
const study = '1.2.826.0.1.3680043.8.498.77';
const instances = Array.from({ length: 5 }, (_, number) =>
  makeInstance({ study, series: `${study}.${number % 2}`, instance: `${study}.9.${number}`, pixelBytes: 30_000 }),
);

let orthanc: ChildProcess;
let folder: string;
let origin: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'orthanc-'));
  const port = await freePort();
  origin = `http://127.0.0.1:${port}`;
  const configuration = {
    StorageDirectory: folder,
    IndexDirectory: folder,
    HttpPort: port,
    DicomServerEnabled: false,
    AuthenticationEnabled: false,
    RemoteAccessAllowed: false,
    Plugins: [process.env.CAUSEWAY_ORTHANC_DICOMWEB ?? PLUGIN],
    DicomWeb: { Enable: true, Root: '/dicom-web/' },
  };
  await writeFile(join(folder, 'orthanc.json'), JSON.stringify(configuration));
  orthanc = spawn(process.env.CAUSEWAY_ORTHANC ?? 'Orthanc', [join(folder, 'orthanc.json')], { stdio: 'ignore' });
  while (!(await answers())) {
    if (orthanc.exitCode !== null) throw new Error(`Orthanc ended with ${orthanc.exitCode}`);
    await setImmediate();
  }
  for (const { file } of instances) {
    const response = await fetch(`${origin}/instances`, { method: 'POST', body: new Uint8Array(file) });
    assert.equal(response.status, 200);
  }
});

const answers = () =>
  fetch(`${origin}/dicom-web/studies`).then(
    (response) => response.ok,
    () => false,
  );

after(async () => {
  const ended = new Promise((resolve) => orthanc.once('exit', resolve));
  orthanc.kill('SIGKILL');
  await ended;
  await rm(folder, { recursive: true });
});

describe('retrieval from Orthanc', () => {
  it('brings every instance of a study, its data set byte for byte, and the second time asks nothing', async () => {
    const retriever = await RetrieverUnderTest.start(`${origin}/dicom-web`);
    try {
      await retriever.run(dueRetrieval(study));
      const brought = retriever.bus.deliveries.map(({ delivery: { instance } }) => `${instance.sopInstanceUid} ${instance.digest}`);
      assert.deepEqual(brought.sort(), instances.map(({ sopInstanceUid, digest }) => `${sopInstanceUid} ${digest}`).sort());
      assert.equal(changes(retriever.bus).at(-1)?.state, 'done');
      retriever.asked.length = 0;
      await retriever.run(dueRetrieval(study));
      assert.deepEqual(retriever.asked, []);
    } finally {
      await retriever.stop();
    }
  });

  it('fetches instance by instance what of a study has gone from the cache', async () => {
    const retriever = await RetrieverUnderTest.start(`${origin}/dicom-web`);
    try {
      await retriever.run(dueRetrieval(study));
      await retriever.store.delete(retriever.bus.deliveries[0]!.delivery.instance.objectKey);
      await retriever.run(dueRetrieval(study));
      const { fetched, fromCache } = changes(retriever.bus).at(-1)!;
      assert.deepEqual([fetched, fromCache], [1, 4]);
    } finally {
      await retriever.stop();
    }
  });

  it('fails for good when Orthanc has no such study', async () => {
    const retriever = await RetrieverUnderTest.start(`${origin}/dicom-web`);
    try {
      await retriever.run(dueRetrieval('1.2.3.4.5.6'));
      assert.equal(changes(retriever.bus).at(-1)?.state, 'failed');
    } finally {
      await retriever.stop();
    }
  });
});
