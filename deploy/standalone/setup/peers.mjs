// The foreign programs that the tests and the benchmark talk to, from Debian; none is started as a service.
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { onPath } from './places.mjs';
import { SetUpProblem } from './problem.mjs';

/** Package, and what shows that it is there: a program on the PATH or a path. */
const PEERS = [
  ['dcmtk', 'storescu'],
  ['orthanc', 'Orthanc'],
  ['orthanc-dicomweb', '/usr/share/orthanc/plugins/libOrthancDicomWeb.so'],
  ['python3-pydicom', '/usr/lib/python3/dist-packages/pydicom/data/test_files'],
  ['libopenjp2-tools', 'opj_decompress'],
  ['libgdcm-tools', 'gdcmconv'],
  ['chromium', 'chromium'],
  ['strace', 'strace'],
  ['haproxy', '/usr/sbin/haproxy'],
  ['prometheus', 'promtool'],
  ['e2fsprogs', '/usr/sbin/mkfs.ext4'],
  ['openssl', 'openssl'],
  ['unzip', 'unzip'],
  ['docker-compose', 'docker-compose'],
  ['iproute2', 'ip'],
  ['ceph-mon', 'ceph-mon'],
  ['ceph-osd', 'ceph-osd'],
  ['radosgw', 'radosgw'],
  ['ceph-common', 'ceph'],
];
/** What `npm run test:containers` needs beside them; a daemon elsewhere (DOCKER_HOST) needs the client only. */
const CONTAINERS = [
  ['docker.io', process.env.DOCKER_HOST ? 'docker' : 'dockerd'],
  ['docker-compose', 'docker-compose'],
  ['debootstrap', 'debootstrap'],
];
/** Debian's invoke-rc.d asks this file; 101 forbids starting anything. */
const POLICY = '/usr/sbin/policy-rc.d';

/** True when something was installed. */
export const installPeers = (say) => installMissing(PEERS, say);
export const installContainers = (say) => installMissing(CONTAINERS, say);

function installMissing(wanted, say) {
  const missing = wanted.filter(([, sign]) => !(sign.startsWith('/') ? existsSync(sign) : onPath(sign))).map(([name]) => name);
  if (missing.length === 0) return false;
  if (process.getuid() !== 0 || !onPath('apt-get')) throw new SetUpProblem(byHand(missing));
  say(`installing for the tests: ${missing.join(' ')}`);
  withoutServices(() => {
    if (install(missing) === 0) return;
    apt(['update']);
    if (install(missing) !== 0) throw new SetUpProblem(byHand(missing));
  });
  return true;
}

const install = (packages) => apt(['install', '-y', '--no-install-recommends', ...packages]);

function apt(options) {
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  return spawnSync('apt-get', ['-qq', ...options], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] }).status;
}

/** A policy of the machine's owner is left as it is. */
function withoutServices(work) {
  if (existsSync(POLICY)) return work();
  const remove = () => rmSync(POLICY, { force: true });
  process.once('exit', remove);
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    return work();
  } finally {
    remove();
    process.off('exit', remove);
  }
}

function byHand(packages) {
  return (
    `the tests and the benchmark need: ${packages.join(', ')}. As root, on Debian or Ubuntu:\n` +
    `  sudo apt-get update && sudo apt-get install --no-install-recommends ${packages.join(' ')}\n` +
    'then run the same command again. `npm start` does not need them.'
  );
}
