// What `npm run backup` and `npm run restore` share: one argument, settings, errors that are said and not thrown.
import { resolve } from 'node:path';
import { DataFolderTaken } from '../data-folder-lock.ts';
import { readSettings, type Settings } from '../settings.ts';
import { StartProblem } from '../start-problem.ts';

/** Runs `work` with the argument as absolute path (npm runs us in the checkout; INIT_CWD is where the user stands) and sets the exit code. */
export async function runCommand(usage: string, work: (path: string, settings: Settings) => Promise<void>): Promise<void> {
  // A backup holds images and secrets: for its owner alone.
  process.umask(0o077);
  const [path, ...more] = process.argv.slice(2);
  if (path === undefined || more.length > 0 || path.startsWith('-')) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  try {
    await work(resolve(process.env.INIT_CWD ?? '.', path), readSettings(process.env));
  } catch (error) {
    if (!(error instanceof StartProblem) && !(error instanceof DataFolderTaken)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  }
}
