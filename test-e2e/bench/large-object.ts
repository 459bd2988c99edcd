// Part c: resident memory of each service while one multi-frame object of 2 GB passes, as received and compressed.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { arrivalsAt, untilArrived } from '../src/arrivals.ts';
import { startGateway } from '../src/gateway-under-test.ts';
import { peakResidentBytes, run } from './bench-processes.ts';
import { documentFor } from './end-to-end.ts';
import { makeMultiFrame } from './make-files.ts';

export interface LargeObjectRow {
  readonly compression: 'off' | 'on';
  readonly bytes: number;
  readonly seconds: number;
  /** The data set that arrived is that which was sent (as received), or arrived at all (compressed). */
  readonly arrivedAs: string;
  /** Peak resident memory by process, bytes. */
  readonly peakBytes: Record<string, number>;
}

const SEND = join(import.meta.dirname, '../../deploy/standalone/src/send/main.ts');

export async function measureLargeObject(folder: string, frames: number): Promise<LargeObjectRow[]> {
  const path = join(folder, 'large.dcm');
  const file = await makeMultiFrame(path, frames);
  try {
    return [await pass({ folder, file, compressed: false }), await pass({ folder, file, compressed: true })];
  } finally {
    await rm(path, { force: true });
  }
}

async function pass({
  folder,
  file,
  compressed,
}: {
  folder: string;
  file: { path: string; sopInstanceUid: string };
  compressed: boolean;
}): Promise<LargeObjectRow> {
  const dataFolder = join(folder, 'gateway-data');
  const sandboxPort = 20_000 + Math.floor(Math.random() * 10_000);
  const config = documentFor(`http://127.0.0.1:${sandboxPort}/dicom-web`, compressed);
  const gateway = await startGateway({ dataFolder, config, env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
  try {
    const began = performance.now();
    const args = [SEND, file.path, '--port', String(gateway.ports.dicom), '--quiet'];
    await run({ command: process.execPath, args, logFolder: folder, name: 'send-large' });
    await untilArrived(gateway.sandboxUrl, [file.sopInstanceUid], 900_000);
    const seconds = (performance.now() - began) / 1_000;
    const [arrival] = await arrivalsAt(gateway.sandboxUrl);
    const peaks = [...gateway.pids()].map(async ([name, pid]) => [name, await peakResidentBytes(pid)] as const);
    const arrivedAs = compressed ? arrival!.transferSyntaxUid : await compareDigest(file.path, arrival!.digest);
    return {
      compression: compressed ? 'on' : 'off',
      bytes: arrival!.size,
      seconds,
      arrivedAs,
      peakBytes: Object.fromEntries(await Promise.all(peaks)),
    };
  } finally {
    await gateway.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function compareDigest(path: string, digest: string): Promise<string> {
  const hash = createHash('sha256');
  let head: Buffer | undefined;
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 }) as AsyncIterable<Buffer>) {
    if (head) hash.update(chunk);
    else {
      head = chunk;
      hash.update(chunk.subarray(parseFileMeta(chunk)!.dataSetOffset));
    }
  }
  if (hash.digest('hex') !== digest) throw new Error('the large object was altered on its way');
  return 'identical';
}
