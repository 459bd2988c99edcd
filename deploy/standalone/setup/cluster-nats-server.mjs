// A nats-server for the tests of clusters, in .tools/bin/nats-server-cluster: Debian 13's 2.10, also on Debian 12, whose 2.9 loses the majority of streams for good after faults
// that three servers should bear. Nothing outside the checkout changes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { oneAtATime } from './one-at-a-time.mjs';
import { isExecutable, onPath, TOOLS } from './places.mjs';
import { SetUpProblem } from './problem.mjs';

const RELEASE = 'trixie';
const OLDEST = [2, 10];
const COPY = join(TOOLS, 'nats-server-cluster');
const LINK = join(TOOLS, 'bin', 'nats-server-cluster');
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const USUAL_MIRROR = 'http://deb.debian.org/debian';

/** True when something had to be done. The machine's own one is taken when it is new enough. */
export async function installClusterNatsServer(say) {
  if (isExecutable(LINK)) return false;
  return oneAtATime(say, () => {
    if (!isExecutable(LINK)) link(ownProgram() ?? fetchCopy(say));
    return true;
  });
}

function ownProgram() {
  const program = process.env.CAUSEWAY_NATS_SERVER || onPath('nats-server');
  return program && isNewEnough(program) ? program : undefined;
}

function isNewEnough(program) {
  const version = /v?(\d+)\.(\d+)/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout || '');
  if (!version) return false;
  const [major, minor] = [Number(version[1]), Number(version[2])];
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

function link(target) {
  mkdirSync(join(TOOLS, 'bin'), { recursive: true });
  const fresh = `${LINK}.${process.pid}`;
  symlinkSync(target, fresh);
  renameSync(fresh, LINK);
}

function fetchCopy(say) {
  say("fetching Debian 13's nats-server by apt into .tools for the tests of clusters");
  const folder = join(TOOLS, 'download-cluster');
  rmSync(folder, { recursive: true, force: true });
  try {
    const file = download(folder);
    rmSync(COPY, { recursive: true, force: true });
    run('dpkg-deb', ['-x', file, COPY]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const program = join(COPY, 'usr', 'sbin', 'nats-server');
  if (!isNewEnough(program)) throw new SetUpProblem(`Debian ${RELEASE}'s nats-server does not run here.\n${howTo()}`);
  return program;
}

/** apt with lists of its own, so that the machine's stay as they are; signatures are checked against Debian's keys. */
function download(folder) {
  for (const name of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, name), { recursive: true });
  const list = join(folder, 'sources.list');
  writeFileSync(list, `deb [signed-by=${KEYRING}] ${mirror()} ${RELEASE} main\n`);
  const own = { 'Dir::State::lists': 'lists', 'Dir::Cache': 'cache' };
  const options = Object.entries(own).flatMap(([name, place]) => ['-o', `${name}=${join(folder, place)}`]);
  const apart = [...options, '-o', `Dir::Etc::sourcelist=${list}`, '-o', 'Dir::Etc::sourceparts=/dev/null', '-q'];
  run('apt-get', [...apart, 'update'], folder);
  run('apt-get', [...apart, 'download', 'nats-server'], folder);
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.deb')),
  );
}

/** What this machine gets Debian from. */
function mirror() {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(LABEL) $(REPO_URI)'], { encoding: 'utf8' });
  return /^Debian (http\S+)$/m.exec(stdout || '')?.[1] ?? USUAL_MIRROR;
}

function run(program, options, cwd = TOOLS) {
  const { status, stderr, error } = spawnSync(program, options, { encoding: 'utf8', cwd });
  if (status === 0) return;
  const why = error ? error.message : stderr.trim().split('\n').slice(0, 3).join('\n  ');
  throw new SetUpProblem(`${program} failed: ${why}\n${howTo()}`);
}

const howTo = () =>
  `The tests of clusters need nats-server ${OLDEST.join('.')} or newer: put one on the PATH, or name it (CAUSEWAY_NATS_SERVER=/path/to/nats-server), then run the same command again.`;
