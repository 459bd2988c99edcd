// A PACS that sends everything back at once, as its own sender did: DCMTK storescp, which has storescu called for each instance with the calling AE title of its association.
import { spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { filesBelow, untilListening } from './peers-under-test.ts';

export interface ReturningPeer {
  readonly port: number;
  /** How many instances it received, repeats included. */
  received(): Promise<number>;
  stop(): Promise<void>;
}

/** `back`: the port that it sends to. */
export async function startReturningPeer(folder: string, back: number): Promise<ReturningPeer> {
  const [port, output] = [await freePort(), join(folder, 'returning')];
  await mkdir(output, { recursive: true });
  // #a: calling AE title, #p/#f: the file. One after the other, so that none is forgotten when the peer ends.
  const sendBack = `storescu -aet "#a" -aec GATEWAY 127.0.0.1 ${back} "#p/#f"`;
  const args = ['--bit-preserving', '+xa', '-pm', '-od', output, '+uf', '--exec-on-reception', sendBack, '--exec-sync', String(port)];
  const child = spawn('storescp', args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' } });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  process.once('exit', () => child.kill('SIGKILL'));
  await untilListening(port);
  return {
    port,
    received: async () => (await filesBelow(output)).size,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
