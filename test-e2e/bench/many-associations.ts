// Part d: very many associations that all send at once; what memory that takes, and whether everything is taken.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { peakResidentBytes, quietDisk } from './bench-processes.ts';
import { makeFiles } from './make-files.ts';
import { startReceiverAlone } from './peers.ts';
import { sendByStorescu } from './send-files.ts';

export interface ManyAssociations {
  readonly associations: number;
  readonly instances: number;
  /** Instances a second. */
  readonly rate: number;
  readonly peakBytes: number;
}

/** Enough that all associations are open before the first is done. */
const INSTANCES_EACH = 10;

/** Rejects when one instance is refused or one association fails. */
export async function measureManyAssociations(folder: string, associations: number): Promise<ManyAssociations> {
  const files = join(folder, 'many');
  await mkdir(files, { recursive: true });
  const groups = await makeFiles(files, { studies: associations, instances: INSTANCES_EACH, seed: 3 });
  await quietDisk(folder);
  const target = await startReceiverAlone(folder);
  try {
    const rate = await sendByStorescu(groups, { host: '127.0.0.1', port: target.dicomPort }, folder);
    return { associations, instances: await target.objects(), rate, peakBytes: await peakResidentBytes(target.pids[0]!) };
  } finally {
    await target.stop();
  }
}
