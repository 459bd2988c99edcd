// The files that every program of the benchmark gets: synthetic CT of 512 x 512 x 16 bit, about 512 KB each, and one large multi-frame.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';

export interface BenchFile {
  readonly path: string;
  readonly sopInstanceUid: string;
}

/** `count` files in groups of one study for each association. */
export async function makeFiles(folder: string, set: { studies: number; instances: number; seed: number }): Promise<BenchFile[][]> {
  await mkdir(folder, { recursive: true });
  const groups = new Map<string, BenchFile[]>();
  let n = 0;
  for await (const instance of syntheticInstances(set)) {
    const path = join(folder, `${String(n++).padStart(5, '0')}.dcm`);
    await writeFile(path, Buffer.concat([encodeFileMeta(instance), instance.dataSet]));
    const group = groups.get(instance.studyInstanceUid) ?? [];
    group.push({ path, sopInstanceUid: instance.sopInstanceUid });
    groups.set(instance.studyInstanceUid, group);
  }
  return [...groups.values()];
}

/** One object of `frames` frames of 512 KiB, written as a stream. */
export async function makeMultiFrame(path: string, frames: number): Promise<BenchFile> {
  const [instance] = syntheticInstances({ studies: 1, instances: 1, seed: 2_000, frames });
  const out = createWriteStream(path);
  out.write(encodeFileMeta(instance!));
  for (const chunk of instance!.chunks()) if (!out.write(chunk)) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
  return { path, sopInstanceUid: instance!.sopInstanceUid };
}
