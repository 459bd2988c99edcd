// What the disk itself allows: 512 KiB files written, synced, renamed, their directory synced, by a number of writers at a time.
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

const FILE = Buffer.alloc(512 * 1024, 0xa5);

/** Files a second. Each writer syncs its own directory entry, as a receiver without group commit would. */
export async function diskLimit(folder: string, writers: number, filesPerWriter: number): Promise<number> {
  await mkdir(folder, { recursive: true });
  const directory = await open(folder, 'r');
  const began = performance.now();
  await Promise.all(
    Array.from({ length: writers }, async (_, writer) => {
      for (let n = 0; n < filesPerWriter; n++) {
        const path = join(folder, `${writer}-${n}`);
        const file = await open(`${path}.part`, 'wx');
        await file.write(FILE);
        await file.datasync();
        await file.close();
        await rename(`${path}.part`, path);
        await directory.sync();
      }
    }),
  );
  const rate = (writers * filesPerWriter) / ((performance.now() - began) / 1_000);
  await directory.close();
  await rm(folder, { recursive: true });
  return rate;
}
