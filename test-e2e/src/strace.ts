// strace(1) on a running process: tells its system calls, and makes chosen ones fail, wait or be the last.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './wait-for-fact.ts';

export interface Trace {
  /** So far; a line a call. */
  lines(): string[];
  /** Detaches: the process goes on without. */
  stop(): Promise<void>;
}

/** `calls`: as -e trace takes them. `inject`: as -e inject takes them, e.g. `fdatasync:error=EIO:when=1`. Resolves once every thread is followed. */
export async function attachStrace(pid: number, options: { calls: string; inject?: string; more?: readonly string[] }): Promise<Trace> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-strace-'));
  const file = join(folder, 'calls');
  const inject = options.inject === undefined ? [] : ['-e', `inject=${options.inject}`];
  const what = ['-e', `trace=${options.calls}`, ...inject, '-e', 'signal=none', ...(options.more ?? [])];
  const child = spawn('strace', ['-f', '-ttt', '-y', '-s', '32', '-o', file, ...what, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  await until('strace is attached', () => {
    // Before the end: a call that was to be the last may already have been made.
    if (said.includes('attached')) return true;
    if (child.exitCode !== null) throw new Error(`strace ended: ${said}`);
    return false;
  });
  return {
    lines: () => readFileSync(file, 'utf8').split('\n'),
    stop: async () => {
      await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  child.kill('SIGINT');
  await exit;
}
