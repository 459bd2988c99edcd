// STOW-RS to Orthanc: what it lists as stored is there, byte for byte.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { Delivery } from '@causeway/shared/events/delivery';
import { createLogger } from '@causeway/shared/logger';
import { memoryStore, newDelivery, newUid } from './deliveries-for-tests.ts';
import type { StowSettings } from './destination-settings.ts';
import { openObject } from './outbound-object.ts';
import type { Sender } from './sender.ts';
import { createStowSender } from './stow-client.ts';
import { systemClock } from './system-clock.ts';

const DICOMWEB_PLUGIN = '/usr/share/orthanc/plugins/libOrthancDicomWeb.so';

let folder: string;
let orthanc: ChildProcess;
let origin: string;

async function startOrthanc(): Promise<void> {
  const [httpPort, dicomPort] = [await freePort(), await freePort()];
  origin = `http://127.0.0.1:${httpPort}`;
  const storage = join(folder, 'storage');
  await mkdir(storage);
  const configuration = {
    ...{ Name: 'ARCHIVE', StorageDirectory: storage, IndexDirectory: storage, HttpPort: httpPort, DicomPort: dicomPort },
    ...{ AuthenticationEnabled: false, RemoteAccessAllowed: false, HttpServerEnabled: true, DicomServerEnabled: false, TcpNoDelay: true },
    Plugins: [DICOMWEB_PLUGIN],
    DicomWeb: { Enable: true, Root: '/dicom-web/' },
  };
  const file = join(folder, 'orthanc.json');
  await writeFile(file, JSON.stringify(configuration));
  orthanc = spawn('Orthanc', [file], { stdio: 'ignore' });
  for (;;) {
    if (orthanc.exitCode !== null) throw new Error(`Orthanc ended with ${orthanc.exitCode}`);
    const answer = await fetch(`${origin}/system`).catch(() => undefined);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const log = createLogger('test', 'silent');
const settings = (): StowSettings => ({
  ...{ id: 'orthanc', kind: 'stow', url: `${origin}/dicom-web`, auth: { kind: 'none' }, images: 'compressed', implicitVr: 'send' },
  ...{ confirm: 'qido', concurrency: 2, batch: { instances: 50, size: 32 * 1024 * 1024 }, bandwidth: [], window: [], queued: 1000 },
  timeouts: { connect: 2000, idle: 30_000 },
  retry: { first: 1000, factor: 2, max: 10_000, giveUpAfter: 60_000 },
});

async function stored(sopInstanceUid: string): Promise<Buffer> {
  const ids = (await (await fetch(`${origin}/tools/lookup`, { method: 'POST', body: sopInstanceUid })).json()) as {
    ID: string;
    Type: string;
  }[];
  const { ID } = ids.find(({ Type }) => Type === 'Instance')!;
  const file = Buffer.from(await (await fetch(`${origin}/instances/${ID}/file`)).arrayBuffer());
  return file.subarray(parseFileMeta(file)!.dataSetOffset);
}

describe('createStowSender towards Orthanc', () => {
  const store = memoryStore();
  let sender: Sender;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'uploader-orthanc-'));
    await startOrthanc();
    sender = createStowSender(settings(), {
      store,
      upcoming: () => [],
      slots: () => 1,
      readSecret: createSecretReader({}),
      clock: systemClock,
      log,
    });
  });
  after(async () => {
    await sender.close();
    orthanc.kill();
    if (orthanc.exitCode === null && orthanc.signalCode === null) await once(orthanc, 'exit');
    await rm(folder, { recursive: true });
  });

  const send = async (deliveries: Delivery[]) =>
    await sender.send(
      await Promise.all(
        deliveries.map(async (delivery) => ({
          delivery,
          resend: false,
          object: await openObject(store, delivery.instance, delivery.instance),
        })),
      ),
    );

  it('delivers a batch, and every data set is there byte for byte', async () => {
    const study = newUid();
    const deliveries = Array.from({ length: 5 }, (_, n) => newDelivery(store, { studyInstanceUid: study, edge: 50 + 100 * n }));
    const outcomes = await send(deliveries);
    assert.deepEqual(
      outcomes,
      deliveries.map(() => ({ kind: 'delivered', confirmation: 'stow 200 + qido', warning: undefined })),
    );
    for (const { instance, dataSet } of deliveries)
      assert.ok((await stored(instance.sopInstanceUid)).equals(dataSet), instance.sopInstanceUid);
  });

  it('takes a repeat as delivered: Orthanc lists what it has already', async () => {
    const delivery = newDelivery(store);
    await send([delivery]);
    assert.equal((await send([delivery]))[0]!.kind, 'delivered');
  });

  it('delivers the good ones beside an object that is no DICOM, and not that one', async () => {
    const [good, bad] = [newDelivery(store), newDelivery(store)];
    const object = await openObject(store, bad.instance, bad.instance);
    store.objects.get(bad.instance.objectKey)!.fill(0, 0, 132);
    const parcels = [good, bad].map((delivery) => ({ delivery, resend: false, object: delivery === bad ? object : undefined }));
    const opened = await openObject(store, good.instance, good.instance);
    const outcomes = await sender.send(parcels.map((parcel) => ({ ...parcel, object: parcel.object ?? opened })));
    assert.equal(outcomes[0]!.kind, 'delivered');
    assert.notEqual(outcomes[1]!.kind, 'delivered');
  });
});
