// The sender of every comparison: one DCMTK storescu an association, all begun at once.

import { run } from './bench-processes.ts';
import type { BenchFile } from './make-files.ts';
import { PDU_BYTES } from './peers.ts';

/** Instances a second from the first connection to the last answer; rejects when any instance was refused. */
export async function sendByStorescu(groups: BenchFile[][], to: { host: string; port: number }, logFolder: string): Promise<number> {
  const began = performance.now();
  await Promise.all(
    groups.map((files, association) =>
      run({
        command: 'storescu',
        args: [
          '-R',
          '-aec',
          'GATEWAY',
          '-aet',
          `BENCH${association}`,
          '--max-pdu',
          PDU_BYTES,
          '--max-send-pdu',
          PDU_BYTES,
          to.host,
          String(to.port),
          ...files.map(({ path }) => path),
        ],
        env: { TCP_NODELAY: '1' },
        logFolder,
        name: `storescu-${association}`,
      }),
    ),
  );
  const count = groups.reduce((sum, files) => sum + files.length, 0);
  return count / ((performance.now() - began) / 1_000);
}
