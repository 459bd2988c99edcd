// Where the forwarding benchmark sends to: DCMTK storescp and a STOW-RS archive that answer for everything and keep nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { untilListening } from './bench-processes.ts';
import { PDU_BYTES } from './peers.ts';

export interface SinkAddress {
  readonly host: string;
  readonly port: number;
}

/** `prefix`: words before the command, to run it elsewhere. */
export const startStorescpSink = (address: SinkAddress, prefix: readonly string[]): Promise<{ stop(): Promise<void> }> =>
  startSink(address, [...prefix, 'storescp', '--fork', '--ignore', '--max-pdu', PDU_BYTES, String(address.port)]);

export const startArchiveSink = (address: SinkAddress, prefix: readonly string[]): Promise<{ stop(): Promise<void> }> =>
  startSink(address, [...prefix, process.execPath, join(import.meta.dirname, 'sink-archive.ts'), address.host, String(address.port)]);

async function startSink(address: SinkAddress, [command, ...args]: string[]): Promise<{ stop(): Promise<void> }> {
  // A group of its own: storescp has a child for each association.
  const child = spawn(command!, args, { stdio: 'ignore', env: { ...process.env, TCP_NODELAY: '1' }, detached: true });
  const endGroup = (): void => void process.kill(-child.pid!, 'SIGKILL');
  process.once('exit', endGroup);
  await untilListening(address.port, address);
  return {
    stop: async () => {
      process.off('exit', endGroup);
      const ended = once(child, 'exit');
      endGroup();
      await ended;
    },
  };
}

/** Resolves when so many different instances have come to the archive since it was started. */
export async function untilArrivedAt({ host, port }: SinkAddress, count: number): Promise<void> {
  while (Number(await (await fetch(`http://${host}:${port}/arrived`)).text()) < count)
    await new Promise((resolve) => setTimeout(resolve, 20));
}
