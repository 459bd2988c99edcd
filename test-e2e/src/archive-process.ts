// An archive beside the gateway's own: the sandbox archive as a process, on a port that it keeps, so that it can be away and come back.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './gateway-under-test.ts';
import { lastingPort } from './lasting-port.ts';
import { until } from './wait-for-fact.ts';

export interface ArchiveProcess {
  /** Of its DICOMweb service. */
  readonly url: string;
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** SIGKILL, and its folder is removed. */
  stop(): Promise<void>;
}

/** Not started yet: whoever sends to it finds nobody. */
export async function makeArchive(): Promise<ArchiveProcess> {
  const port = await lastingPort();
  const folder = mkdtempSync(join(tmpdir(), 'causeway-archive-'));
  const url = `http://127.0.0.1:${port}/dicom-web`;
  let child: ChildProcess | undefined;
  return {
    url,
    start: async () => {
      const env = { ...process.env, CAUSEWAY_SANDBOX_DIR: folder, CAUSEWAY_SANDBOX_PORT: String(port) };
      child = spawn(process.execPath, [join(ROOT, 'deploy/standalone/src/sandbox/main.ts')], { env, stdio: 'ignore' });
      await until('the archive answers', async () => (await fetch(`${url}/studies?limit=1`)).status < 500);
    },
    stop: async () => {
      if (child !== undefined && child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
