// Where things lie.
import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
/** Programs fetched by the set-up; nothing outside the checkout is changed for them. */
export const TOOLS = join(ROOT, '.tools');

/** Full path of a program on PATH (or in /usr/sbin, where Debian puts servers), undefined when there is none. */
export function onPath(program) {
  const folders = [...(process.env.PATH || '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders
    .filter((folder) => folder.startsWith('/') && !folder.includes('node_modules'))
    .map((folder) => join(folder, program))
    .find(isExecutable);
}

export function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
