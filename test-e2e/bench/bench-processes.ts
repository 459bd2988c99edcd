// Starts and ends the programs that the benchmark compares; each runs until it is stopped, and none survives the benchmark.
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { listeningSockets } from '../src/listening-sockets.ts';

export interface Running {
  readonly pid: number;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Program {
  readonly command: string;
  readonly args: string[];
  readonly env?: Record<string, string>;
  readonly logFolder: string;
  readonly name: string;
}

export function start(program: Program): Running {
  const log = openSync(join(program.logFolder, `${program.name}.log`), 'a');
  const child = spawn(program.command, program.args, { stdio: ['ignore', log, log], env: { ...process.env, ...program.env } });
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      running.delete(child);
      resolve();
    });
  });
  return {
    pid: child.pid!,
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      await ended;
    },
  };
}

/** Runs to its end; rejects when it ends with another code than 0. */
export async function run(program: Program): Promise<void> {
  const log = openSync(join(program.logFolder, `${program.name}.log`), 'a');
  const child = spawn(program.command, program.args, { stdio: ['ignore', log, log], env: { ...process.env, ...program.env } });
  running.add(child);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', resolve);
  });
  running.delete(child);
  if (code !== 0) throw new Error(`${program.name} ended with ${code}; see ${join(program.logFolder, `${program.name}.log`)}`);
}

/** Resolves when something listens on the port. */
export async function untilListening(port: number, where: { host: string } = { host: '127.0.0.1' }): Promise<void> {
  const withinMs = 30_000;
  const deadline = performance.now() + withinMs;
  while (performance.now() < deadline) {
    const connected = await new Promise<boolean>((resolve) => {
      const socket = connect(port, where.host, () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (connected) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on port ${port} after ${withinMs} ms`);
}

/** Resolves when the process itself listens on the port, which it may share with others. */
export async function untilServing(pid: number, port: number, withinMs = 30_000): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!listeningSockets([pid]).some((socket) => socket.port === port)) {
    if (performance.now() > deadline) throw new Error(`process ${pid} does not listen on port ${port} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Everything written so far is on the disk: what one program left to the kernel does not slow the next one. */
export const quietDisk = (logFolder: string): Promise<void> => run({ command: 'sync', args: [], logFolder, name: 'sync' });

/** Peak resident memory of a process since its start, bytes (VmHWM); 0 when it is gone. */
export async function peakResidentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

export const median = (values: number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};
