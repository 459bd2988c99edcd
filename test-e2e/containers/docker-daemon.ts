// A docker daemon to build and test with: the one that is there, or one of our own for as long as it is needed.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { DockerClient } from './docker-client.ts';

/** Images and layers stay here for the next time. Short: a socket's path has at most 107 bytes. */
const OWN_PLACE = '/var/tmp/causeway-docker';
const USUAL = 'unix:///var/run/docker.sock';
const UP_WITHIN_MS = 30_000;

export interface Daemon {
  readonly docker: DockerClient;
  /** Ends it when it is our own and nobody else's containers run on it. */
  release(): Promise<void>;
}

/** DOCKER_HOST counts when it is set. Rejects when no daemon is reached and none can be started: that takes root and the program `dockerd`. */
export async function reachDaemon(environment: NodeJS.ProcessEnv): Promise<Daemon> {
  const candidates = environment.DOCKER_HOST ? [environment.DOCKER_HOST] : [USUAL, ...runningElsewhere()];
  for (const host of candidates) {
    const docker = new DockerClient(host);
    if (await docker.succeeds(['version'])) return { docker, release: async () => {} };
  }
  if (environment.DOCKER_HOST) throw new Error(`no docker daemon answers at DOCKER_HOST=${environment.DOCKER_HOST}`);
  return startOwn();
}

/** A second daemon on a machine takes the port forwarding of the first away: one that listens at an unusual place is used. */
function runningElsewhere(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => wordsOf(pid))
    .filter(([program]) => program?.split('/').at(-1) === 'dockerd')
    .flatMap((words) => words.filter((_, n) => ['-H', '--host'].includes(words[n - 1] ?? '')).filter((host) => host.startsWith('unix://')));
}

function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    // It ended in between.
    return [];
  }
}

async function startOwn(): Promise<Daemon> {
  if (process.getuid?.() !== 0)
    throw new Error('no docker daemon is reached (DOCKER_HOST, /var/run/docker.sock), and only root can start one');
  mkdirSync(OWN_PLACE, { recursive: true, mode: 0o711 });
  const at = (name: string): string => join(OWN_PLACE, name);
  const host = `unix://${at('docker.sock')}`;
  const words = ['--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid'), '--host', host];
  const log = openSync(at('log'), 'a');
  const child = spawn('dockerd', words, {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  child.once('error', () => {});
  const docker = new DockerClient(host);
  await untilUp(docker, child);
  child.unref();
  return { docker, release: () => endUnlessUsed(docker, child) };
}

async function untilUp(docker: DockerClient, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + UP_WITHIN_MS;
  while (!(await docker.succeeds(['version']))) {
    if (child.pid === undefined || child.exitCode !== null || performance.now() > deadline)
      throw new Error(`dockerd does not come up: see ${join(OWN_PLACE, 'log')}`);
    await pause(100);
  }
}

async function endUnlessUsed(docker: DockerClient, child: ChildProcess): Promise<void> {
  if ((await docker.run(['ps', '--quiet'])) !== '') return;
  child.ref();
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
