// HAProxy for a test: the configuration that users get, with the addresses of this test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './gateway-under-test.ts';
import { lastingPort } from './lasting-port.ts';

export interface BalancedServer {
  readonly port: number;
  readonly opsPort: number;
}

export interface Haproxy {
  readonly port: number;
  /** What it wrote: servers that go down and come up. */
  output(): string;
  stop(): Promise<void>;
}

/** `source`: the address from which it connects to the receivers. */
export async function startHaproxy(servers: readonly BalancedServer[], source: string): Promise<Haproxy> {
  const folder = mkdtempSync(join(tmpdir(), 'causeway-haproxy-'));
  const port = await lastingPort();
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, withAddresses(readFileSync(join(ROOT, 'deploy', 'haproxy', 'haproxy.cfg'), 'utf8'), { port, servers, source }));
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  const killNow = (): void => void child.kill('SIGKILL');
  process.on('exit', killNow);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const ended = once(child, 'exit');
  return {
    port,
    output: () => output,
    stop: async () => {
      process.off('exit', killNow);
      child.kill('SIGTERM');
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function withAddresses(text: string, at: { port: number; servers: readonly BalancedServer[]; source: string }): string {
  let next = 0;
  return text
    .replace(/^ {2}bind :4104$/m, `  bind 127.0.0.1:${at.port}`)
    .replace(/^ {2}server (\S+) \S+ port \d+$/gm, (_line, name: string) => {
      const { port, opsPort } = at.servers[next++]!;
      return `  server ${name} 127.0.0.1:${port} port ${opsPort} source ${at.source}`;
    });
}
