// From files and folders to instances: what can be sent, and why the rest cannot.
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { InstanceToSend } from './send-instances.ts';

export interface FoundInstances {
  readonly instances: InstanceToSend[];
  readonly skipped: { readonly path: string; readonly reason: string }[];
}

const CHUNK_BYTES = 256 * 1024;
const HEAD_BYTES = 4096;
/** Media Storage Directory (DICOMDIR): describes files, is none to send (PS3.10 section 8.6). */
const DIRECTORY = '1.2.840.10008.1.3.10';

/** Reads the head of each file; folders are read to the bottom, in order of names. */
export async function findInstances(paths: readonly string[]): Promise<FoundInstances> {
  const found: FoundInstances = { instances: [], skipped: [] };
  for (const path of paths) await look(path, found);
  return found;
}

async function look(path: string, found: FoundInstances): Promise<void> {
  try {
    const facts = await stat(path);
    if (facts.isDirectory()) for (const name of (await readdir(path)).sort()) await look(join(path, name), found);
    else if (facts.isFile()) found.instances.push(await instanceIn(path, facts.size));
    else found.skipped.push({ path, reason: 'not a file' });
  } catch (error) {
    found.skipped.push({ path, reason: (error as Error).message });
  }
}

async function instanceIn(path: string, size: number): Promise<InstanceToSend> {
  const { meta, dataSetOffset } = await readFileMeta(createReadStream(path, { highWaterMark: HEAD_BYTES }));
  const { sopClassUid, sopInstanceUid, transferSyntaxUid } = meta;
  if (sopClassUid === DIRECTORY) throw new Error('a DICOMDIR');
  if (!sopClassUid || !sopInstanceUid || !transferSyntaxUid)
    throw new Error('its file meta information names no SOP class, instance or transfer syntax');
  const open = (): AsyncIterable<Buffer> => createReadStream(path, { start: dataSetOffset, highWaterMark: CHUNK_BYTES });
  return { sopClassUid, sopInstanceUid, transferSyntaxUid, byteLength: size - dataSetOffset, open };
}
