// Builds stand-ins for official images from Debian packages and this checkout's Node, where no registry is reached.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import type { DockerClient } from './docker-client.ts';
import { standInOf } from './foreign-images.ts';

const STAND_INS = join(import.meta.dirname, 'stand-ins');
const DEBIAN = standInOf('debootstrap');
/** Whom the administrator of this machine told it to trust. */
const AUTHORITIES = '/usr/local/share/ca-certificates';
/** What the official slim images leave out as well. */
const LEFT_OUT = [
  'usr/share/doc',
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'var/cache/apt',
  'var/cache/debconf',
  'var/lib/apt/lists',
  'var/log',
];

export type Say = (text: string) => void;

/** `names`: folders of stand-ins/. What docker has of an earlier time is taken from there. */
export async function buildStandIns(docker: DockerClient, names: readonly string[], say: Say): Promise<void> {
  if (!(await docker.succeeds(['image', 'inspect', DEBIAN]))) await importDebian(docker, say);
  for (const name of ['base', ...names.filter((name) => name !== 'base')]) {
    say(`building the stand-in ${name}`);
    await build(docker, name);
  }
}

/** All that there are but the base. */
export const allStandIns = (): string[] => readdirSync(STAND_INS).filter((name) => name !== 'base');

/** Debian 12 as debootstrap makes it, which needs root. */
async function importDebian(docker: DockerClient, say: Say): Promise<void> {
  say('making Debian from packages (less than a minute)');
  const folder = mkdtempSync(join(tmpdir(), 'causeway-debian-'));
  try {
    const [root, archive] = [join(folder, 'root'), join(folder, 'root.tar')];
    execFileSync('debootstrap', ['--variant=minbase', 'bookworm', root], { stdio: ['ignore', 'ignore', 'inherit'], env: withSbin() });
    execFileSync('tar', ['-C', root, ...LEFT_OUT.map((path) => `--exclude=./${path}/*`), '-cf', archive, '.']);
    await docker.run(['import', archive, DEBIAN]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const withSbin = (): NodeJS.ProcessEnv => ({ ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` });

async function build(docker: DockerClient, name: string): Promise<void> {
  const context = mkdtempSync(join(tmpdir(), 'causeway-stand-in-'));
  try {
    cpSync(join(STAND_INS, name), context, { recursive: true });
    if (name === 'base') addAuthorities(context);
    if (name === 'node') addNode(context);
    await docker.run(['build', '--quiet', '--tag', standInOf(name), context]);
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

function addAuthorities(context: string): void {
  const folder = join(context, 'authorities');
  mkdirSync(folder);
  if (existsSync(AUTHORITIES)) cpSync(AUTHORITIES, folder, { recursive: true, dereference: true });
}

/** This process's Node, and the npm that belongs to the checkout's user. */
function addNode(context: string): void {
  cpSync(realpathSync(process.execPath), join(context, 'node'));
  cpSync(npmFolder(), join(context, 'npm'), { recursive: true, dereference: true });
}

/** npm sets npm_execpath to …/npm/bin/npm-cli.js in all that it runs. */
function npmFolder(): string {
  const program = process.env.npm_execpath ?? execFileSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).trim();
  return resolve(dirname(realpathSync(program)), '..');
}
