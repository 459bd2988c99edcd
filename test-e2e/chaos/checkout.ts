// An older version of the code beside this one, from the repository's history: what a cluster runs before an upgrade.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../src/gateway-under-test.ts';

const git = (...words: string[]): string =>
  execFileSync('git', words, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** The last tag, or else the commit before, or else this one: a clone may have no history. */
export function previousVersion(): string {
  for (const ask of [() => git('describe', '--tags', '--abbrev=0'), () => git('rev-parse', '--short', 'HEAD~1')])
    try {
      return ask();
    } catch {
      // Then the next.
    }
  return 'HEAD';
}

/** Its files in the folder, with the packages of this checkout and the workspaces of its own. */
export function checkOut(ref: string, folder: string): void {
  mkdirSync(folder, { recursive: true });
  execFileSync('sh', ['-c', `git archive ${git('rev-parse', ref)} | tar -x -C "${folder}"`], { cwd: ROOT });
  for (const place of ['.', 'shared']) linkPackages(join(ROOT, place, 'node_modules'), join(folder, place, 'node_modules'));
}

function linkPackages(from: string, to: string): void {
  if (!existsSync(from)) return;
  mkdirSync(to, { recursive: true });
  // The workspaces are links themselves, relative ones: copied, they lead to the older files.
  for (const name of readdirSync(from))
    if (name === '@causeway') execFileSync('cp', ['-a', join(from, name), to]);
    else symlinkSync(join(from, name), join(to, name));
}
