// Part 10 files of synthetic studies, for senders that read files, with the digest of each data set.
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { type SyntheticOptions, syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';

export interface SyntheticFile {
  readonly path: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly digest: string;
}

export async function makeSyntheticFiles(folder: string, options: SyntheticOptions): Promise<SyntheticFile[]> {
  await mkdir(folder, { recursive: true });
  const files: SyntheticFile[] = [];
  for (const instance of syntheticInstances(options)) {
    const { dataSet, sopInstanceUid, studyInstanceUid } = instance;
    const path = join(folder, `${options.seed}-${files.length}.dcm`);
    await writeFile(path, Buffer.concat([encodeFileMeta(instance), dataSet]));
    files.push({ path, sopInstanceUid, studyInstanceUid, digest: createHash('sha256').update(dataSet).digest('hex') });
  }
  return files;
}
