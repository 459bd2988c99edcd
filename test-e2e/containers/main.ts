// `npm run test:containers`: images, then the tests of the gateway in containers. DOCKER_HOST, CAUSEWAY_IMAGE and CAUSEWAY_IMAGE_<NAME> choose daemon and images.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { reachDaemon } from './docker-daemon.ts';
import { provideImages } from './images.ts';
import { removeLeftovers } from './leftovers.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');
/** Names what belongs to this run. */
const RUN = String(process.pid);
const TIMEOUT_MS = 10 * 60_000;

const startedAt = performance.now();
const say = (text: string): void =>
  console.log(
    `${Math.round((performance.now() - startedAt) / 1000)
      .toString()
      .padStart(4)} s  ${text}`,
  );
const daemon = await reachDaemon(process.env);
try {
  const images = await provideImages(daemon.docker, process.env, say);
  say('testing');
  process.exitCode = await runTests({ ...images, DOCKER_HOST: daemon.docker.host });
} finally {
  await removeLeftovers(daemon.docker, RUN);
  await daemon.release();
  say('done');
}

/** The exit code of node --test. */
function runTests(environment: NodeJS.ProcessEnv): Promise<number> {
  const files = globSync('test-e2e/containers/*.int.test.ts', { cwd: ROOT });
  const words = ['--test', '--test-concurrency=1', `--test-timeout=${TIMEOUT_MS}`, ...files];
  // What a test leaves is removed by its label, also when it was killed: no further container is needed for that.
  const own = {
    TESTCONTAINERS_RYUK_DISABLED: 'true',
    CAUSEWAY_TEST_RUN: RUN,
    TCP_NODELAY: '1',
    PATH: `${join(ROOT, 'node_modules', '.bin')}:${process.env.PATH}`,
  };
  const child = spawn(process.execPath, words, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...environment, ...own } });
  return new Promise((resolveCode) => child.once('exit', (code) => resolveCode(code ?? 1)));
}
