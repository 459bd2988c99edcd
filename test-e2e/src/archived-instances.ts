// What lies in the sandbox archive, read from its files: the journal says what it received, the files what it has.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';

export interface ArchivedInstance {
  readonly path: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** SHA-256 of the data set, hexadecimal. */
  readonly digest: string;
}

export async function archivedInstances(dataFolder: string): Promise<ArchivedInstance[]> {
  return filesWithDataSets(join(dataFolder, 'sandbox', 'objects'));
}

/** Digests of the data sets of every object made by compression. */
export async function derivedDigests(dataFolder: string): Promise<Set<string>> {
  return new Set((await filesWithDataSets(join(dataFolder, 'objects', 'derived'))).map(({ digest }) => digest));
}

/** Every Part 10 file below a folder. */
export async function filesWithDataSets(folder: string): Promise<ArchivedInstance[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: ArchivedInstance[] = [];
  for (const entry of entries) {
    if (!entry.name.endsWith('.dcm')) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    const { meta, dataSetOffset } = parseFileMeta(bytes)!;
    const digest = createHash('sha256').update(bytes.subarray(dataSetOffset)).digest('hex');
    found.push({ path, sopInstanceUid: meta.sopInstanceUid, transferSyntaxUid: meta.transferSyntaxUid, digest });
  }
  return found;
}
