// One supervisor (or restore, or backup of a stopped gateway) for a data folder at a time.
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { readIfThere, writeAtomically } from './atomic-file.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

export interface DataFolderLock {
  release(): void;
}

/** Another process has the folder. */
export class DataFolderTaken extends Error {
  override readonly name = 'DataFolderTaken';
  readonly pid: number | undefined;
  constructor(path: string, pid: number | undefined) {
    super(`the data folder ${path} is in use by another gateway${pid === undefined ? '' : ` (process ${pid})`}`);
    this.pid = pid;
  }
}

/**
 * The lock is a socket in Linux' abstract namespace, which the kernel frees with its process, however it ends; the file beside it tells who, and
 * holds where the namespace does not reach (containers that share the folder and the process table). Throws DataFolderTaken.
 */
export async function lockDataFolder(path: string): Promise<DataFolderLock> {
  mkdirSync(join(path, 'run'), { recursive: true, mode: 0o700 });
  const file = join(path, 'run', 'supervisor.json');
  const name = `\0causeway-${createHash('sha256').update(realpathSync(path)).digest('hex').slice(0, 32)}`;
  const server = createServer((socket) => socket.destroy());
  const bound = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(name, () => resolve(true));
  });
  const holder = readHolder(file);
  if (!bound || (holder !== undefined && holder.pid !== process.pid && isRunning(holder))) {
    server.close();
    throw new DataFolderTaken(path, holder?.pid);
  }
  server.unref();
  writeAtomically(file, JSON.stringify(identityOf(process.pid)));
  return {
    release: () => {
      rmSync(file, { force: true });
      server.close();
    },
  };
}

function readHolder(file: string): ProcessIdentity | undefined {
  const text = readIfThere(file);
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ProcessIdentity);
  } catch {
    return undefined;
  }
}
