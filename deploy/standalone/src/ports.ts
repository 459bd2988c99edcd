// Ports: those the user knows must be free; the rest are chosen once and kept, so that orphans and bookmarks find them again.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { readIfThere, writeAtomically } from './atomic-file.ts';
import { StartProblem } from './start-problem.ts';

/** Below the range from which Linux gives out ports to outgoing connections (32768), so that none takes ours between two starts. */
const FIRST_CHOSEN = 20_000;
const LAST_CHOSEN = 32_000;
const MOST_TRIES = 200;
const FILE = 'ports.json';

export type Ports = Readonly<Record<string, number>>;

/** A free port on loopback for each name; those of the last start when they are still free. */
export async function choosePorts(runFolder: string, names: readonly string[]): Promise<Ports> {
  const before = readPorts(runFolder);
  const chosen: Record<string, number> = {};
  for (const name of names) {
    const last = before[name];
    const keep = last !== undefined && !Object.values(chosen).includes(last) && (await isFree('127.0.0.1', last));
    chosen[name] = keep ? last : await drawPort(Object.values(chosen));
  }
  writeAtomically(join(runFolder, FILE), `${JSON.stringify(chosen, null, 2)}\n`);
  return chosen;
}

/** What the last start chose; empty when there was none. */
export function readPorts(runFolder: string): Ports {
  try {
    return JSON.parse(readIfThere(join(runFolder, FILE)) ?? '{}') as Ports;
  } catch {
    return {};
  }
}

async function drawPort(taken: readonly number[]): Promise<number> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const port = randomInt(FIRST_CHOSEN, LAST_CHOSEN);
    if (!taken.includes(port) && (await isFree('127.0.0.1', port))) return port;
  }
  throw new StartProblem(`no free port found between ${FIRST_CHOSEN} and ${LAST_CHOSEN} on 127.0.0.1`);
}

export interface WantedPort {
  readonly host: string;
  readonly port: number;
  /** What listens there, in the user's words. */
  readonly purpose: string;
  readonly variable: string;
}

/** Throws StartProblem that names every port that cannot be had, why, and what to do. */
export async function checkWantedPorts(wanted: readonly WantedPort[]): Promise<void> {
  const problems: string[] = [];
  for (const each of wanted) {
    const code = await listenProblem(each.host, each.port);
    if (code !== undefined) problems.push(describe(each, code));
  }
  if (problems.length > 0) throw new StartProblem(problems.join('\n'));
}

function describe({ host, port, purpose, variable }: WantedPort, code: string): string {
  const place = `port ${port} on ${host} for ${purpose}`;
  if (code === 'EADDRINUSE')
    return `${place} is taken by another program (which one: ss -ltnp 'sport = :${port}'). Stop that program, or choose another port: ${variable}=<port> npm start`;
  if (code === 'EACCES')
    return `${place} needs a privilege (ports below 1024). Choose another: ${variable}=<port> npm start, or allow it in the systemd unit (AmbientCapabilities=CAP_NET_BIND_SERVICE).`;
  return `${place} cannot be opened (${code}). Check the address, or choose another port: ${variable}=<port> npm start`;
}

const isFree = async (host: string, port: number): Promise<boolean> => (await listenProblem(host, port)) === undefined;

/** undefined: it can be listened on; else the error's code. */
function listenProblem(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
