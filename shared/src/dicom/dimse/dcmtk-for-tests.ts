// For tests: DCMTK's programs, a file made by them, and certificates made by openssl, all in one temporary folder.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** DCMTK leaves Nagle's algorithm on otherwise. */
const ENVIRONMENT = { ...process.env, TCP_NODELAY: '1' };

export async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'causeway-dimse-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export async function dcmtk(program: 'echoscu' | 'storescu', args: string[]): Promise<void> {
  await run(program, args, { env: ENVIRONMENT });
}

/** An explicit little endian CT file of `pixelBytes` random-looking bytes, as DCMTK writes it. */
export async function makeCtFile(folder: string, pixelBytes: number): Promise<string> {
  const pixels = Buffer.alloc(pixelBytes);
  for (let at = 0; at < pixelBytes; at++) pixels[at] = (at * 2_654_435_761) >>> 24;
  await writeFile(join(folder, 'pixels.raw'), pixels);
  const dump = [
    '(0008,0016) UI 1.2.840.10008.5.1.4.1.1.2',
    '(0008,0018) UI 1.2.276.0.7230010.3.1.4.1',
    '(0008,0060) CS CT',
    '(0010,0010) PN TEST^NOBODY',
    '(0020,000d) UI 1.2.276.0.7230010.3.1.2.1',
    '(0020,000e) UI 1.2.276.0.7230010.3.1.3.1',
    '(0028,0010) US 512',
    `(7fe0,0010) OW =${join(folder, 'pixels.raw')}`,
  ];
  await writeFile(join(folder, 'ct.dump'), dump.join('\n'));
  const file = join(folder, 'ct.dcm');
  await run('dump2dcm', ['+te', join(folder, 'ct.dump'), file]);
  return file;
}

/** What is behind group 2: (0002,0000) holds its length at byte 140 (PS3.10 section 7.1). */
export async function dataSetOf(file: string): Promise<Buffer> {
  const bytes = await readFile(file);
  return bytes.subarray(144 + bytes.readUInt32LE(140));
}

export async function startStorescp(folder: string, args: string[] = []) {
  const port = await freePort();
  const child = spawn('storescp', ['+B', '+uf', '-od', folder, ...args, String(port)], { env: ENVIRONMENT, stdio: 'ignore' });
  const over = once(child, 'exit');
  while (!(await isListening(port))) if (child.exitCode !== null) throw new Error(`storescp ended with ${child.exitCode}`);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill();
      await over;
    },
  };
}

export interface Certificates {
  readonly caFile: string;
  readonly keyFile: string;
  readonly certFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Self-signed, for localhost, so it is its own authority. */
export async function makeCertificate(folder: string, subject: string): Promise<Certificates> {
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const options = ['-newkey', 'rsa:2048', '-nodes', '-days', '2', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  await run('openssl', ['req', '-x509', ...options, '-subj', subject, '-keyout', keyFile, '-out', certFile]);
  return { caFile: certFile, keyFile, certFile, cert: await readFile(certFile), key: await readFile(keyFile) };
}

export interface Authority {
  readonly cert: Buffer;
  readonly certFile: string;
  /** A certificate that it signs, for localhost. `days`: how long it is valid from now; negative: it has expired. */
  issue(subject: string, days?: number): Promise<Certificates>;
}

export async function makeAuthority(folder: string, name: string): Promise<Authority> {
  const path = (file: string) => join(folder, file);
  const [keyFile, certFile] = [path(`${name}.key`), path(`${name}.pem`)];
  await run('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '3',
    '-subj',
    `/CN=${name}`,
    '-keyout',
    keyFile,
    '-out',
    certFile,
  ]);
  let issued = 0;
  return {
    cert: await readFile(certFile),
    certFile,
    issue: async (subject, days = 2) => {
      issued++;
      const [request, extensions, leaf, leafKey] = ['csr', 'ext', 'pem', 'key'].map((ending) => path(`${name}-${issued}.${ending}`));
      await writeFile(extensions!, 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
      await run('openssl', ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', subject, '-keyout', leafKey!, '-out', request!]);
      const signing = ['-CA', certFile, '-CAkey', keyFile, '-CAcreateserial', '-extfile', extensions!, '-days', String(days)];
      await run('openssl', ['x509', '-req', '-in', request!, ...signing, '-out', leaf!]);
      return { caFile: certFile, keyFile: leafKey!, certFile: leaf!, cert: await readFile(leaf!), key: await readFile(leafKey!) };
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** A look that leaves no association behind. */
async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
