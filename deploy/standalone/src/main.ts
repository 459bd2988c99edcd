// `npm start`: reads the environment, listens to signals, runs the supervisor.
import { DataFolderTaken } from './data-folder-lock.ts';
import { readSettings, type Settings } from './settings.ts';
import { StartProblem } from './start-problem.ts';
import { supervise } from './supervise.ts';
import { writeLine } from './terminal.ts';

/** Signals this close together are one. */
const SAME_KEY_MS = 1_500;
// Everything that the gateway writes is its owner's alone; children inherit it.
process.umask(0o077);

const first = new AbortController();
const second = new AbortController();
let firstAt = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
// A terminal that went away must not end the supervisor before its children.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

try {
  await supervise(settings(), { first: first.signal, second: second.signal }, writeLine);
  process.exit(0);
} catch (error) {
  const known = knownProblem(error);
  console.error(`\nCauseway cannot start: ${known.message}\n`);
  process.exit(known.exitCode);
}

/** What the user can mend; anything else is a fault of ours and thrown on, with its stack. */
function knownProblem(error: unknown): StartProblem {
  if (error instanceof StartProblem) return error;
  if (error instanceof DataFolderTaken) return new StartProblem(error.message);
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC') return new StartProblem(`the disk is full: free some space and start again (${message})`);
  throw error;
}

function settings(): Settings {
  try {
    return readSettings(process.env);
  } catch (error) {
    throw new StartProblem((error as Error).message, 2);
  }
}

/** npm passes a Ctrl-C on that the terminal has already sent to us: the same key, not a second one. */
function onSignal(): void {
  if (!first.signal.aborted) {
    firstAt = Date.now();
    first.abort();
  } else if (Date.now() - firstAt > SAME_KEY_MS) second.abort();
}
