// nats-server: the one on this machine, else a copy of Debian's in .tools (no service is started, nothing outside the checkout changes).
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { oneAtATime } from './one-at-a-time.mjs';
import { isExecutable, onPath, TOOLS } from './places.mjs';
import { SetUpProblem } from './problem.mjs';

const COPY = join(TOOLS, 'nats-server');
/** What the supervisor and the tests run. */
const LINK = join(TOOLS, 'bin', 'nats-server');
const OLDEST = [2, 9];

/** True when something had to be done. */
export async function installNatsServer(say) {
  const present = process.env.CAUSEWAY_NATS_SERVER || onPath('nats-server');
  // Whoever has .tools/bin on the PATH finds the link itself: it must not lead to itself.
  if (present && present !== LINK) return link(present);
  if (isExecutable(LINK)) return false;
  return oneAtATime(say, () => {
    if (!isExecutable(LINK)) link(fetchCopy(say));
    return true;
  });
}

function linkTarget() {
  try {
    return readlinkSync(LINK);
  } catch {
    return undefined;
  }
}

/** True when the link was made or changed. */
function link(target) {
  if (linkTarget() === target) return false;
  checkVersion(target);
  mkdirSync(join(TOOLS, 'bin'), { recursive: true });
  const fresh = `${LINK}.${process.pid}`;
  symlinkSync(target, fresh);
  renameSync(fresh, LINK);
  return true;
}

function checkVersion(program) {
  const { status, stdout, error } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  const version = /v?(\d+)\.(\d+)/.exec(stdout || '');
  if (status !== 0 || !version)
    throw new SetUpProblem(`${program} does not run (${error ? error.message : `exit ${status}`}).\n${howTo()}`);
  const [major, minor] = [Number(version[1]), Number(version[2])];
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  throw new SetUpProblem(`${program} is version ${major}.${minor}, too old.\n${howTo()}`);
}

function fetchCopy(say) {
  if (!onPath('apt-get') || !onPath('dpkg-deb'))
    throw new SetUpProblem(`nats-server is missing, and there is no apt here to fetch it.\n${howTo()}`);
  say('fetching nats-server by apt into .tools (it is not installed as a service)');
  const download = join(TOOLS, 'download');
  rmSync(download, { recursive: true, force: true });
  mkdirSync(download, { recursive: true });
  try {
    const file = aptDownload(download);
    rmSync(COPY, { recursive: true, force: true });
    const unpacked = spawnSync('dpkg-deb', ['-x', join(download, file), COPY], { encoding: 'utf8' });
    if (unpacked.status !== 0) throw new SetUpProblem(`dpkg-deb could not unpack nats-server: ${unpacked.stderr}`);
  } finally {
    rmSync(download, { recursive: true, force: true });
  }
  return join(COPY, 'usr', 'sbin', 'nats-server');
}

/** Name of the package file. First with the machine's own lists; then with fresh ones: root refreshes the machine's, others get private ones. */
function aptDownload(folder) {
  const attempt = (options) => {
    spawnSync('apt-get', [...options, '-q', 'download', 'nats-server'], { cwd: folder, encoding: 'utf8' });
    return readdirSync(folder).find((name) => name.endsWith('.deb'));
  };
  const first = attempt([]);
  if (first) return first;
  const options = process.getuid() === 0 ? [] : privateLists();
  const update = spawnSync('apt-get', [...options, '-q', 'update'], { encoding: 'utf8' });
  const second = attempt(options);
  if (second) return second;
  const why = (update.stderr || '').trim().split('\n').slice(0, 3).join('\n  ');
  throw new SetUpProblem(
    `nats-server is missing, and apt could not fetch it${why ? `:\n  ${why}` : ' (not in this release).'}\n${howTo()}`,
  );
}

/** apt's state in a folder of our own: works without root. */
function privateLists() {
  const state = join(TOOLS, 'apt');
  mkdirSync(join(state, 'lists', 'partial'), { recursive: true });
  mkdirSync(join(state, 'cache', 'archives', 'partial'), { recursive: true });
  return ['-o', `Dir::State::lists=${join(state, 'lists')}`, '-o', `Dir::Cache=${join(state, 'cache')}`];
}

function howTo() {
  return (
    'Do one of these, then run the same command again:\n' +
    '  Debian 12+, Ubuntu 22.04+:  sudo apt-get install nats-server   (2.9 or newer; its own service may be stopped: sudo systemctl disable --now nats-server)\n' +
    '  elsewhere:  unpack nats-server 2.9 or newer from https://github.com/nats-io/nats-server/releases and put it on the PATH,\n' +
    '              or name it: CAUSEWAY_NATS_SERVER=/path/to/nats-server npm start'
  );
}
