// Foreign peers for tests: DCMTK's tools and Orthanc, on free ports, in a folder that the test gives.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';

const execute = promisify(execFile);
const NO_DELAY = { ...process.env, TCP_NODELAY: '1' };

export interface Peer {
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

function startPeer(command: string, args: string[]): Peer {
  const child: ChildProcess = spawn(command, args, { stdio: 'ignore', env: NO_DELAY });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  return {
    pid: child.pid!,
    stop: async (signal = 'SIGKILL') => {
      child.kill(signal);
      await ended;
    },
  };
}

export async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await pause(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A self-made certificate for localhost; it is its own authority. */
export async function makeCertificate(folder: string): Promise<Certificate> {
  const [cert, key] = [join(folder, 'peer.pem'), join(folder, 'peer.key')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await execute('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject]);
  return { cert, key };
}

/** DCMTK storescp, which keeps data sets bit by bit; received files lie in `output`. */
/** `accept`: +xa every transfer syntax, +xe prefers explicit VR little endian. */
export async function startStorescp(
  folder: string,
  tls?: Certificate,
  accept: '+xa' | '+xe' = '+xa',
): Promise<Peer & { port: number; output: string }> {
  const [port, output] = [await freePort(), join(folder, `storescp-${Date.now()}`)];
  await mkdir(output, { recursive: true });
  const secure = tls ? ['+tls', tls.key, tls.cert, '-ic'] : [];
  // -pm: private SOP classes too.
  const peer = startPeer('storescp', [...secure, '--bit-preserving', accept, '-pm', '--fork', '-od', output, '+uf', String(port)]);
  await untilListening(port);
  return { ...peer, port, output };
}

/** `more`: of its configuration. */
export async function startOrthanc(
  folder: string,
  more: object = {},
): Promise<Peer & { dicomPort: number; url: string; dicomWebUrl: string }> {
  const [dicomPort, httpPort] = [await freePort(), await freePort()];
  const storage = join(folder, 'orthanc');
  await mkdir(storage, { recursive: true });
  const path = join(folder, 'orthanc.json');
  const configuration = {
    StorageDirectory: storage,
    IndexDirectory: storage,
    DicomPort: dicomPort,
    HttpPort: httpPort,
    RemoteAccessAllowed: false,
    AuthenticationEnabled: false,
    DicomAlwaysAllowStore: true,
    UnknownSopClassAccepted: true,
    OverwriteInstances: true,
    Plugins: ['/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
    DicomWeb: { Enable: true },
    ...more,
  };
  await writeFile(path, JSON.stringify(configuration));
  const peer = startPeer('Orthanc', [path]);
  await untilListening(httpPort);
  await untilListening(dicomPort);
  const url = `http://127.0.0.1:${httpPort}`;
  return { ...peer, dicomPort, url, dicomWebUrl: `${url}/dicom-web` };
}

/** One storescu call; resolves with whether everything was accepted, and what it printed. */
export async function storescu(
  port: number,
  options: { called?: string; calling?: string; extra?: string[] },
  files: string[],
): Promise<{ ok: boolean; output: string }> {
  const args = [
    ...(options.extra ?? []),
    '-aec',
    options.called ?? 'GATEWAY',
    '-aet',
    options.calling ?? 'STORESCU',
    '127.0.0.1',
    String(port),
    ...files,
  ];
  try {
    const { stdout, stderr } = await execute('storescu', args, { env: NO_DELAY, maxBuffer: 64 * 1024 * 1024 });
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    return { ok: false, output: `${stdout ?? ''}${stderr ?? ''}` };
  }
}

/** The contents of every file below a folder. */
export async function filesBelow(folder: string): Promise<Map<string, Buffer>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(await Promise.all(files.map(async (path) => [path, await readFile(path)] as const)));
}
