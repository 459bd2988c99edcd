// deploy/k8s is what the chart makes, and kubectl can build it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type Manifest, ROOT, readManifests } from './chart.ts';
import { FOLDER, NAMESPACE, renderK8s } from './k8s-manifests.ts';
import { nameOf, schemaProblems, unknownFields } from './manifest-models.ts';

const WRITTEN_BY_HAND = ['README.md', 'values.yaml'];

let rendered: Map<string, string>;
let built: Manifest[];
before(async () => {
  rendered = await renderK8s();
  const { status, stdout, stderr } = spawnSync(join(ROOT, '.tools', 'bin', 'kubectl'), ['kustomize', FOLDER], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  built = readManifests(stdout);
});

describe('deploy/k8s', () => {
  test('has the files that the chart makes, and no others', async () => {
    const there = (await readdir(FOLDER)).filter((name) => !WRITTEN_BY_HAND.includes(name));
    assert.deepEqual(there.sort(), [...rendered.keys()].sort());
  });

  test('is what `npm run k8s:render` makes now', async () => {
    for (const [name, text] of rendered) assert.equal(await readFile(join(FOLDER, name), 'utf8'), text, name);
  });

  test("is built by kubectl as a whole, for one namespace, and not as helm's", () => {
    const manifests = [...rendered].filter(([name]) => name !== 'kustomization.yaml').flatMap(([, text]) => readManifests(text));
    assert.deepEqual(built.map(nameOf).sort(), manifests.map(nameOf).sort());
    for (const { metadata } of built) {
      assert.equal(metadata.namespace, NAMESPACE);
      assert.equal(metadata.labels?.['app.kubernetes.io/managed-by'], 'kustomize');
    }
  });

  test('needs nothing that a cluster does not have by itself', () => {
    const groups = new Set(built.map(({ apiVersion }) => apiVersion));
    assert.deepEqual([...groups].sort(), ['apps/v1', 'networking.k8s.io/v1', 'policy/v1', 'v1']);
  });

  test('is taken by Kubernetes: no wrong type, nothing missing, no field that it does not know', async () => {
    assert.deepEqual([await schemaProblems(built), await unknownFields(built)], [[], []]);
  });
});
