// What the gateway is built from: pinned, licensed, listed; what builds it: pinned too, with no more rights than it needs.
import assert from 'node:assert/strict';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { lockedPackages, PRODUCT, reachedFrom, readLockFile } from './locked-packages.ts';
import { isAllowed, licenceOf, THIRD_PARTY, thirdPartyText } from './third-party.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const lock = readLockFile();
const packages = lockedPackages(lock);
const product = reachedFrom(lock, PRODUCT);

describe('the lock file', () => {
  it('pins every package by its SHA-512, whatever registry gives it; none comes from elsewhere', () => {
    assert.ok(packages.length > 100, `${packages.length} packages`);
    const broken = packages.filter(
      ({ integrity, resolved }) => !integrity?.startsWith('sha512-') || resolved?.startsWith('https://registry.npmjs.org/') === false,
    );
    assert.deepEqual(broken, []);
  });

  it('is asked for exact versions only', () => {
    const manifests = globSync(['package.json', 'shared/package.json', 'services/*/package.json', 'deploy/standalone/package.json'], {
      cwd: ROOT,
    });
    const wanted = manifests.flatMap((path) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(read(path)) as Record<string, Record<string, string>>;
      return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies }).map(
        ([name, version]) => `${name}@${version}`,
      );
    });
    assert.ok(wanted.length > 20);
    assert.deepEqual(
      wanted.filter((one) => !/@\d+\.\d+\.\d+(-[\w.]+)?$/.test(one)),
      [],
    );
  });

  it('is installed without running any script of a package', () => {
    assert.ok(packages.some(({ runsAtInstall }) => runsAtInstall));
    assert.match(read('deploy/standalone/setup/packages.mjs'), /'--ignore-scripts'/);
  });
});

describe('licences', () => {
  it('of everything that is locked let everybody use, change and pass on the gateway', () => {
    const broken = packages.filter((one) => !isAllowed(licenceOf(one) ?? '')).map((one) => `${one.path}: ${licenceOf(one)}`);
    assert.deepEqual(broken, []);
  });

  it('with conditions on the whole are not among the allowed', () => {
    const refused = ['GPL-3.0-only', 'AGPL-3.0-or-later', 'MIT AND GPL-2.0-only', 'SSPL-1.0', ''].filter(isAllowed);
    assert.deepEqual(refused, []);
    assert.ok(['(MIT OR GPL-3.0-only)', '(MIT AND Zlib)'].every(isAllowed));
  });

  it('of what a running gateway is made of are listed in THIRD-PARTY.md, as it is locked now (npm run third-party)', () => {
    const names = new Set(product.map(({ name }) => name));
    assert.ok(['pg', 'fastify', 'dcmjs', '@nats-io/jetstream', '@aws-sdk/client-s3'].every((name) => names.has(name)));
    assert.ok(!names.has('typescript') && !names.has('playwright-core') && !names.has('dcmjs-dimse'), 'a part of the tests is listed');
    assert.equal(readFileSync(THIRD_PARTY, 'utf8'), thirdPartyText(product));
  });
});

interface Workflow {
  readonly permissions?: Record<string, string>;
  readonly jobs: Record<string, { permissions?: Record<string, string>; steps?: { uses?: string; run?: string }[]; uses?: string }>;
}

describe('the workflows that build and release', () => {
  const paths = readdirSync(join(ROOT, '.github/workflows')).map((name) => `.github/workflows/${name}`);
  const workflows = paths.map((path) => ({ path, text: read(path), workflow: parse(read(path)) as Workflow }));

  it('name every action of others by commit, with its version beside it', () => {
    const used = workflows
      .flatMap(({ text }) => [...text.matchAll(/uses: (.+)/g)].map(([, what]) => what!))
      .filter((what) => !what.startsWith('./'));
    assert.ok(used.length >= 10);
    assert.deepEqual(
      used.filter((what) => !/^[\w-]+\/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/.test(what)),
      [],
    );
  });

  it('may read the repository and nothing else, unless a job says what it needs', () => {
    for (const { path, workflow } of workflows) assert.deepEqual(workflow.permissions, { contents: 'read' }, path);
  });

  it('put no text from outside into a shell: only variables of the environment', () => {
    const inserted = workflows.flatMap(({ path, workflow }) =>
      Object.values(workflow.jobs).flatMap(({ steps = [] }) =>
        steps.filter(({ run }) => run?.includes('${{')).map(({ run }) => `${path}: ${run}`),
      ),
    );
    assert.deepEqual(inserted, []);
  });

  it('release nothing before all tests and the audit, and sign what they release by its digest', () => {
    const { jobs } = workflows.find(({ path }) => path.endsWith('release.yml'))!.workflow as unknown as {
      jobs: Record<string, { needs?: string | string[] }>;
    };
    assert.deepEqual(jobs.image?.needs, ['ci', 'audit']);
    const text = read('.github/workflows/release.yml');
    for (const part of [
      'cosign sign --yes "$IMAGE@$DIGEST"',
      'provenance: mode=max',
      'sbom: true',
      'actions/attest-build-provenance@',
      'actions/attest-sbom@',
    ])
      assert.ok(text.includes(part), part);
  });
});

describe('the threat model', () => {
  it('names for each threat tests that exist', () => {
    const text = read('docs/THREAT-MODEL.md');
    const rows = text.split('\n').filter((line) => /^\| [STRIDE]\d/.test(line));
    assert.ok(rows.length >= 25, `${rows.length} threats`);
    for (const row of rows) {
      const tests = [...row.matchAll(/`([\w./-]+\.test\.ts)`/g)].map(([, path]) => path!);
      assert.ok(tests.length > 0, `no test: ${row.slice(0, 60)}`);
      assert.deepEqual(
        tests.filter((path) => !existsSync(join(ROOT, path))),
        [],
        row.slice(0, 60),
      );
    }
  });

  it('has threats of every kind', () => {
    const kinds = new Set([...read('docs/THREAT-MODEL.md').matchAll(/^\| ([STRIDE])\d/gm)].map(([, kind]) => kind));
    assert.equal([...kinds].sort().join(''), 'DEIRST');
  });
});
