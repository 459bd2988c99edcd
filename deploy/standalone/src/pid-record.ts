// Which processes are ours, on disk: what a killed supervisor leaves behind, the next one finds.
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, writeAtomically } from './atomic-file.ts';
import { identityOf, isRunning, type ProcessIdentity } from './process-identity.ts';

const ENDING = '.pid.json';

export function recordProcess(runFolder: string, name: string, pid: number): void {
  const identity = identityOf(pid);
  if (identity !== undefined) writeAtomically(join(runFolder, `${name}${ENDING}`), JSON.stringify(identity));
}

export function forgetProcess(runFolder: string, name: string): void {
  rmSync(join(runFolder, `${name}${ENDING}`), { force: true });
}

/** The recorded processes that are still there (the same ones, not others that got their number); records of the others are removed. */
export function recordedProcesses(runFolder: string): Map<string, ProcessIdentity> {
  const found = new Map<string, ProcessIdentity>();
  for (const file of readdirSync(runFolder).filter((name) => name.endsWith(ENDING))) {
    const name = file.slice(0, -ENDING.length);
    const identity = parse(readIfThere(join(runFolder, file)));
    if (identity !== undefined && isRunning(identity)) found.set(name, identity);
    else forgetProcess(runFolder, name);
  }
  return found;
}

function parse(text: string | undefined): ProcessIdentity | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as ProcessIdentity);
  } catch {
    return undefined;
  }
}
