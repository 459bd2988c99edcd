// The rules of ARCHITECTURE.md and CONTRIBUTING.md that a machine can check: who may import whom, sizes, names.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { FLOW } from '@causeway/shared/events/flow';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCE_FOLDERS = ['shared/src', 'services', 'deploy/standalone', 'deploy/observability', 'test-e2e'];

interface Source {
  readonly path: string;
  readonly text: string;
  readonly imports: string[];
}

/** Imports as paths from the root; packages as `npm:<name>`. */
function importsOf(path: string, text: string): string[] {
  const found = [...text.matchAll(/(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|import\('([^']+)'\)/g)];
  return found.map((match) => target(path, (match[1] ?? match[2])!));
}

function target(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return relative(ROOT, resolve(ROOT, dirname(path), specifier));
  if (specifier.startsWith('@causeway/shared/')) return `shared/src/${specifier.slice('@causeway/shared/'.length)}.ts`;
  const name = specifier.startsWith('@') ? specifier.split('/').slice(0, 2).join('/') : specifier.split('/')[0]!;
  return `npm:${name}`;
}

async function readSources(): Promise<Source[]> {
  const sources: Source[] = [];
  for (const folder of SOURCE_FOLDERS) {
    for (const entry of await readdir(join(ROOT, folder), { recursive: true, withFileTypes: true })) {
      const path = relative(ROOT, join(entry.parentPath, entry.name));
      if (!entry.isFile() || !/\.(ts|mjs|js)$/.test(path) || path.includes('node_modules')) continue;
      const text = await readFile(join(ROOT, path), 'utf8');
      sources.push({ path, text, imports: importsOf(path, text) });
    }
  }
  return sources;
}

const sources = await readSources();
const isTest = (path: string) => /\.test\.ts$|-for-tests\.ts$/.test(path) || path.startsWith('test-e2e/');
const product = sources.filter(({ path }) => !isTest(path));
const serviceOf = (path: string) => /^services\/([a-z]+)\//.exec(path)?.[1];
const areaOf = (path: string) => /^shared\/src\/([a-z-]+)\//.exec(path)?.[1] ?? 'root';

/** What each area of shared may import of shared, beside itself. `root`: the files directly in shared/src. */
const ALLOWED: Record<string, string[]> = {
  dicom: [],
  metrics: [],
  events: ['dicom', 'root'],
  config: ['events', 'dicom', 'root'],
  'object-store': ['events', 'config', 'dicom', 'metrics', 'root'],
  bus: ['events', 'config', 'dicom', 'metrics', 'root'],
  database: ['events', 'config', 'dicom', 'metrics', 'root'],
  dicomweb: ['config', 'events', 'dicom', 'metrics', 'root'],
  root: ['events', 'config', 'bus', 'object-store', 'dicom', 'database', 'metrics'],
};

describe('architecture', () => {
  it('no service imports another service', () => {
    const broken = product.flatMap(({ path, imports }) =>
      imports.filter((to) => serviceOf(path) && serviceOf(to) && serviceOf(to) !== serviceOf(path)).map((to) => `${path} -> ${to}`),
    );
    assert.deepEqual(broken, []);
  });

  it('every migration has a number of its own, and none is left out', async () => {
    const names = (await readdir(join(ROOT, 'shared/src/database/migrations'))).sort();
    assert.deepEqual(
      names.map((name) => Number(name.slice(0, 4))),
      names.map((_, at) => at + 1),
    );
  });

  it('shared imports no service, and its areas import only downwards', () => {
    const broken = product
      .filter(({ path }) => path.startsWith('shared/src/'))
      .flatMap(({ path, imports }) =>
        imports
          .filter((to) => !to.startsWith('npm:') && !to.startsWith('node'))
          .filter((to) => !to.startsWith('shared/src/') || (areaOf(to) !== areaOf(path) && !ALLOWED[areaOf(path)]?.includes(areaOf(to))))
          .map((to) => `${path} -> ${to}`),
      );
    assert.deepEqual(broken, []);
  });

  it('only the bus knows NATS, only the database knows Postgres', () => {
    const broken = product.flatMap(({ path, imports }) =>
      imports
        .filter(
          (to) =>
            (to.startsWith('npm:@nats-io') && !path.startsWith('shared/src/bus/')) ||
            (to === 'npm:pg' && !path.startsWith('shared/src/database/')),
        )
        .map((to) => `${path} -> ${to}`),
    );
    assert.deepEqual(broken, []);
  });

  it('only main.ts of a service, its environment schema and the standalone deployment read the environment', () => {
    const allowed =
      /^(deploy\/standalone|shared\/src\/run-service\.ts|shared\/src\/config\/secrets?[a-z-]*\.ts|services\/[a-z]+\/src\/main\.ts)/;
    const broken = product.filter(({ path, text }) => /process\.env\b/.test(text) && !allowed.test(path)).map(({ path }) => path);
    assert.deepEqual(broken, []);
  });

  it('no file is a drawer: utils, helpers, common, types, index, manager', () => {
    const broken = sources
      .filter(({ path }) => /(^|\/)(utils?|helpers?|common|types|index|manager)[./]/.test(path))
      .map(({ path }) => path);
    assert.deepEqual(
      broken.filter((path) => !path.endsWith('.html')),
      [],
    );
  });

  it('no source file of the product is longer than 300 lines, tables of the standard excepted', () => {
    const TABLES = [/transfer-syntaxes\.ts$/, /state-machine\.ts$/, /dictionary[a-z-]*\.ts$/, /state-table\.ts$/];
    const broken = product
      .filter(({ path, text }) => text.split('\n').length > 301 && !TABLES.some((table) => table.test(path)))
      .map(({ path, text }) => `${path}: ${text.split('\n').length}`);
    assert.deepEqual(broken, []);
  });

  it('each source file begins with a line that says its purpose', () => {
    const broken = sources.filter(({ path, text }) => /\.ts$/.test(path) && !/^(#!.*\n)?\s*(\/\/|\/\*)/.test(text)).map(({ path }) => path);
    assert.deepEqual(broken, []);
  });

  it('ARCHITECTURE.md lists exactly the streams and subjects of the code', async () => {
    const text = await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
    const listed = [...text.matchAll(/^\| ([A-Z]+) \| `([^|]+)` \|/gm)].map((match) => match[1]!);
    assert.deepEqual(listed.sort(), Object.keys(FLOW).sort());
  });

  it('every variable of the service environment is explained in the README', async () => {
    const { serviceEnvironment } = await import('@causeway/shared/config/service-environment');
    const text = await readFile(join(ROOT, 'README.md'), 'utf8');
    const missing = Object.keys(serviceEnvironment.shape).filter((name) => !text.includes(name));
    assert.deepEqual(missing, []);
  });
});
