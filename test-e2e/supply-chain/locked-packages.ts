// What package-lock.json (lockfileVersion 3) says of each package, and which of them a running gateway is made of.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

/** An entry of the lock file; its path there is where npm puts the package. */
export interface LockedPackage {
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** SPDX expression; undefined: the package says none in a form that npm reads. */
  readonly licence?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly runsAtInstall: boolean;
}

interface LockEntry {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly peerDependencies?: Record<string, string>;
}

export interface LockFile {
  readonly packages: Record<string, LockEntry>;
}

export const readLockFile = (): LockFile => JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as LockFile;

/** Every package of others. */
export function lockedPackages(lock: LockFile): LockedPackage[] {
  return Object.entries(lock.packages)
    .filter(([path, entry]) => path.includes('node_modules/') && entry.link !== true)
    .map(([path, entry]) => ({
      path,
      name: path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
      version: entry.version ?? '',
      licence: entry.license,
      integrity: entry.integrity,
      resolved: entry.resolved,
      runsAtInstall: entry.hasInstallScript === true,
    }));
}

/** What is reached from these workspaces by their dependencies, optional and peer ones included: no tools, no parts of tests. */
export function reachedFrom(lock: LockFile, workspaces: RegExp): LockedPackage[] {
  const reached = new Set<string>();
  const waiting = Object.keys(lock.packages).filter((path) => workspaces.test(path));
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const { dependencies, optionalDependencies, peerDependencies } = lock.packages[path]!;
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies })) {
      const found = whereNodeLooks(path, name).find((place) => lock.packages[place] !== undefined);
      if (found === undefined || reached.has(found)) continue;
      reached.add(found);
      waiting.push(found);
    }
  }
  return lockedPackages(lock).filter(({ path }) => reached.has(path));
}

/** The services, what they share, and the one-machine deployment. */
export const PRODUCT = /^(shared|services\/[a-z]+|deploy\/standalone)$/;

function whereNodeLooks(from: string, name: string): string[] {
  const parts = from.split('/');
  const folders = parts.map((_, at) => parts.slice(0, parts.length - at).join('/')).filter((folder) => !folder.endsWith('node_modules'));
  return [...folders, ''].map((folder) => (folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`));
}
