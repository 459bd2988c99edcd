// The programs compared: DCMTK storescp, Orthanc, and our receiver with its object store and JetStream alone.
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { freePort, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { defaultGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createLogger } from '@causeway/shared/logger';
import { type Running, start, untilListening } from './bench-processes.ts';

export interface Target {
  readonly dicomPort: number;
  readonly pid: number;
  stop(): Promise<void>;
}

const NO_DELAY = { TCP_NODELAY: '1' };
export const PDU_BYTES = '131072';

export async function startStorescp(folder: string): Promise<Target> {
  const output = join(folder, 'storescp-output');
  await rm(output, { recursive: true, force: true });
  await mkdir(output, { recursive: true });
  const dicomPort = await freePort();
  const args = ['--fork', '--bit-preserving', '--max-pdu', PDU_BYTES, '-od', output, String(dicomPort)];
  const process = start({ command: 'storescp', args, env: NO_DELAY, logFolder: folder, name: 'storescp' });
  await untilListening(dicomPort);
  return { dicomPort, pid: process.pid, stop: () => stopAndRemove(process, output) };
}

async function stopAndRemove(process: Running, folder: string): Promise<void> {
  await process.stop('SIGKILL');
  await rm(folder, { recursive: true, force: true });
}

export interface OrthancForward {
  readonly archiveUrl: string;
  readonly each: 'instance' | 'stable-study';
  /** Ingest transcoding to JPEG-LS lossless, the only lossless syntax better than RLE that Orthanc 1.10 can write. */
  readonly compressed: boolean;
}

/** A fresh Orthanc; with `forward` it hands on everything by its DICOMweb plugin as a Lua script tells it. */
export async function startOrthanc(folder: string, forward?: OrthancForward): Promise<Target & { httpPort: number }> {
  const storage = join(folder, 'orthanc-storage');
  await rm(storage, { recursive: true, force: true });
  await mkdir(storage, { recursive: true });
  const [dicomPort, httpPort] = [await freePort(), await freePort()];
  const script = join(folder, 'forward.lua');
  if (forward) await writeFile(script, forwardScript(forward.each));
  const configuration = {
    StorageDirectory: storage,
    IndexDirectory: storage,
    DicomPort: dicomPort,
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    DicomAlwaysAllowStore: true,
    MaximumPduLength: Number(PDU_BYTES),
    DicomThreadsCount: 8,
    StableAge: 2,
    ConcurrentJobs: 4,
    SaveJobs: false,
    Plugins: ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
    LuaScripts: forward ? [script] : [],
    DicomWeb: {
      Enable: true,
      Servers: forward ? { archive: { Url: forward.archiveUrl, HasDelete: false } } : {},
      StowMaxInstances: 50,
      StowMaxSize: 32,
    },
    ...(forward?.compressed ? { IngestTranscoding: '1.2.840.10008.1.2.4.80' } : {}),
  };
  const path = join(folder, 'orthanc.json');
  await writeFile(path, JSON.stringify(configuration));
  const process = start({ command: 'Orthanc', args: [path], env: NO_DELAY, logFolder: folder, name: 'orthanc' });
  await untilListening(httpPort);
  await untilListening(dicomPort);
  return { dicomPort, httpPort, pid: process.pid, stop: () => stopAndRemove(process, storage) };
}

/** Orthanc's own way to auto-route: jobs are asynchronous, so that receiving does not wait. */
function forwardScript(each: OrthancForward['each']): string {
  const event = each === 'instance' ? 'OnStoredInstance(id, tags, metadata)' : 'OnStableStudy(id, tags, metadata)';
  return `function ${event}
  RestApiPost('/dicom-web/servers/archive/stow', '{"Resources": ["' .. id .. '"], "Synchronous": false}')
end
`;
}

/** nats-server, folder store and receiver, nothing else: what it costs until 0000 is said. */
export async function startReceiverAlone(folder: string): Promise<Target & { objects: () => Promise<number> }> {
  const data = join(folder, 'receiver-alone');
  await rm(data, { recursive: true, force: true });
  await mkdir(data, { recursive: true });
  const nats = await startNatsServer({ folder: join(data, 'nats') });
  const bus = await connectBus({
    name: 'bench',
    url: nats.url,
    sizing: { replicas: 1, totalBytes: 4e9 },
    log: createLogger('bench', 'error'),
  });
  await publishGatewayDocument(bus, 1, defaultGatewayDocument('http://127.0.0.1:1/dicom-web'));
  await bus.close();
  const dicomPort = await freePort();
  const receiver = start({
    command: process.execPath,
    args: [join(import.meta.dirname, '../../services/receiver/src/main.ts')],
    env: {
      CAUSEWAY_NATS_URL: nats.url,
      CAUSEWAY_OBJECT_STORE: `folder:${join(data, 'objects')}`,
      CAUSEWAY_DICOM_HOST: '127.0.0.1',
      CAUSEWAY_DICOM_PORT: String(dicomPort),
      UV_THREADPOOL_SIZE: '16',
    },
    logFolder: folder,
    name: 'receiver',
  });
  await untilListening(dicomPort);
  return {
    dicomPort,
    pid: receiver.pid,
    objects: async () =>
      (await readdir(join(data, 'objects', 'received'), { recursive: true })).filter((name) => name.endsWith('.dcm')).length,
    stop: async () => {
      await receiver.stop();
      await nats.stop();
      await rm(data, { recursive: true, force: true });
    },
  };
}
