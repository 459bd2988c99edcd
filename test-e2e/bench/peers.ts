// The programs compared: DCMTK storescp, Orthanc, and our receiver with its object store and JetStream alone.
import { mkdir, mkdtemp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { freePort, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { defaultGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createLogger } from '@causeway/shared/logger';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../deploy/standalone/src/node-runtime.ts';
import { start, untilListening, untilServing } from './bench-processes.ts';

export interface Target {
  readonly dicomPort: number;
  /** Those whose processor time and memory count. */
  readonly pids: readonly number[];
  /** What was stored stays until the end of the benchmark: ext4 searches recently deleted inodes for each new file, which would slow the next program. */
  stop(): Promise<void>;
}

const NO_DELAY = { TCP_NODELAY: '1' };
export const PDU_BYTES = '131072';

export async function startStorescp(folder: string): Promise<Target> {
  const output = await mkdtemp(join(folder, 'storescp-'));
  const dicomPort = await freePort();
  const args = ['--fork', '--bit-preserving', '--max-pdu', PDU_BYTES, '-od', output, String(dicomPort)];
  const process = start({ command: 'storescp', args, env: NO_DELAY, logFolder: folder, name: 'storescp' });
  await untilListening(dicomPort);
  return { dicomPort, pids: [process.pid], stop: () => process.stop('SIGKILL') };
}

export interface OrthancForward {
  readonly archiveUrl: string;
  readonly each: 'instance' | 'stable-study';
  /** Ingest transcoding to JPEG-LS lossless, the only lossless syntax better than RLE that Orthanc 1.10 can write. */
  readonly compressed: boolean;
}

/** A fresh Orthanc; with `forward` it hands on everything by its DICOMweb plugin as a Lua script tells it. */
export async function startOrthanc(folder: string, forward?: OrthancForward): Promise<Target & { httpPort: number }> {
  const storage = await mkdtemp(join(folder, 'orthanc-'));
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
  return { dicomPort, httpPort, pids: [process.pid], stop: () => process.stop('SIGKILL') };
}

/** Orthanc's own way to auto-route: jobs are asynchronous, so that receiving does not wait. */
function forwardScript(each: OrthancForward['each']): string {
  const event = each === 'instance' ? 'OnStoredInstance(id, tags, metadata)' : 'OnStableStudy(id, tags, metadata)';
  return `function ${event}
  RestApiPost('/dicom-web/servers/archive/stow', '{"Resources": ["' .. id .. '"], "Synchronous": false}')
end
`;
}

/** nats-server, folder store and receivers on one port, nothing else: what it costs until 0000 is said. */
export async function startReceiverAlone(folder: string, processes = 1): Promise<Target & { objects: () => Promise<number> }> {
  const data = await mkdtemp(join(folder, 'receiver-'));
  await mkdir(join(data, 'nats'));
  const nats = await startNatsServer({ folder: join(data, 'nats') });
  await publishDocument(nats.url);
  const dicomPort = await freePort();
  const env = {
    CAUSEWAY_NATS_URL: nats.url,
    CAUSEWAY_OBJECT_STORE: `folder:${join(data, 'objects')}`,
    CAUSEWAY_DICOM_HOST: '127.0.0.1',
    CAUSEWAY_DICOM_PORT: String(dicomPort),
    CAUSEWAY_DICOM_REUSE_PORT: String(processes > 1),
    ...NODE_ENVIRONMENT,
  };
  const args = [...NODE_FLAGS, join(import.meta.dirname, '../../services/receiver/src/main.ts')];
  const receivers = Array.from({ length: processes }, (_, n) =>
    start({ command: process.execPath, args, env, logFolder: folder, name: `receiver-${n}` }),
  );
  await Promise.all(receivers.map(({ pid }) => untilServing(pid, dicomPort)));
  return {
    dicomPort,
    pids: receivers.map(({ pid }) => pid),
    objects: async () =>
      (await readdir(join(data, 'objects', 'received'), { recursive: true })).filter((name) => name.endsWith('.dcm')).length,
    stop: async () => {
      await Promise.all(receivers.map((receiver) => receiver.stop()));
      await nats.stop();
    },
  };
}

/** The default document, but for one limit: every association of the benchmark comes from one address. */
async function publishDocument(natsUrl: string): Promise<void> {
  const bus = await connectBus({
    name: 'bench',
    url: natsUrl,
    sizing: { replicas: 1, totalBytes: 4e9 },
    log: createLogger('bench', 'error'),
  });
  const document = defaultGatewayDocument('http://127.0.0.1:1/dicom-web');
  await publishGatewayDocument(bus, 1, { ...document, limits: { associationsPerSource: 200 } });
  await bus.close();
}
