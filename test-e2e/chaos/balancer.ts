// HAProxy in front of the receivers: the configuration that users get, with the addresses of the cluster.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../src/gateway-under-test.ts';
import { KeptProcess } from './kept-process.ts';
import type { Machine } from './network.ts';

export const DICOM_PORT = 4104;

export interface BalancedReceiver {
  readonly address: string;
  readonly opsPort: number;
}

export function planBalancer(
  machine: Machine,
  receivers: readonly BalancedReceiver[],
  places: { folder: string; logs: string },
): KeptProcess {
  const file = join(places.folder, 'haproxy.cfg');
  let next = 0;
  const text = readFileSync(join(ROOT, 'deploy', 'haproxy', 'haproxy.cfg'), 'utf8').replace(
    /^ {2}server (\S+) \S+ port \d+$/gm,
    (_line, name: string) => `  server ${name} ${receivers[next]!.address}:${DICOM_PORT} port ${receivers[next++]!.opsPort}`,
  );
  writeFileSync(file, text);
  return new KeptProcess({
    name: 'balancer',
    command: () => [...machine.on, 'haproxy', '-W', '-db', '-f', file],
    environment: () => process.env,
    ...places,
  });
}
