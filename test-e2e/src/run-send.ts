// `npm run send` as a process.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './gateway-under-test.ts';

export interface SendRun {
  readonly process: ChildProcess;
  /** Exit code and everything it wrote. */
  readonly ended: Promise<{ code: number | null; output: string }>;
}

export function runSend(parameters: readonly (string | number)[]): SendRun {
  const child = spawn(process.execPath, [join(ROOT, 'deploy', 'standalone', 'src', 'send', 'main.ts'), ...parameters.map(String)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, INIT_CWD: '/' },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { process: child, ended };
}

export interface AcceptedInstance {
  readonly sopInstanceUid: string;
  /** SHA-256 of the data set sent, hexadecimal. */
  readonly digest: string;
}

/** The instances of a `--log` file that were answered with success, so far. */
export function acceptedIn(logFile: string): AcceptedInstance[] {
  if (!existsSync(logFile)) return [];
  const lines = readFileSync(logFile, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as AcceptedInstance & { accepted: boolean }).filter(({ accepted }) => accepted);
}

export const acceptedUids = (logFile: string): string[] => acceptedIn(logFile).map(({ sopInstanceUid }) => sopInstanceUid);
