// A slow link of its own: a network namespace behind an emulated wide area line, for programs that listen there.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export interface WanLine {
  /** Round trip without queue, ms. */
  readonly rttMs: number;
  /** Of packets, each direction. */
  readonly lossPercent: number;
  readonly mbitPerSecond: number;
}

export interface WanLink {
  /** Where programs in the namespace are reached. */
  readonly host: string;
  /** Words before a command that shall run at the far end. */
  readonly atFarEnd: readonly string[];
  stop(): Promise<void>;
}

/** Needs root, /dev/net/tun and python3. */
export async function openWanLink({ rttMs, lossPercent, mbitPerSecond }: WanLine): Promise<WanLink> {
  const namespace = `causeway-${process.pid}`;
  execFileSync('ip', ['netns', 'add', namespace]);
  execFileSync('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
  const line = [String(rttMs / 2), String(lossPercent), String(mbitPerSecond)];
  const link = spawn('python3', [join(import.meta.dirname, 'wan-link.py'), namespace, `cw${process.pid}`, ...line], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(link, 'exit');
  const stop = async (): Promise<void> => {
    link.kill();
    await ended;
    execFileSync('ip', ['netns', 'del', namespace]);
  };
  const ready = await Promise.race([once(link.stdout, 'data').then(() => true), ended.then(() => false)]);
  if (ready) return { host: '10.99.8.2', atFarEnd: ['ip', 'netns', 'exec', namespace], stop };
  await stop();
  throw new Error('the emulated line did not come up: it needs root and /dev/net/tun');
}
