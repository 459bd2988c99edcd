// Every manifest that the chart makes of the value sets in helm/ci is one that Kubernetes takes.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Chart, type Manifest, openChart, VALUE_SETS, valuesOf } from './chart.ts';
import { nameOf, schemaProblems, unknownFields } from './manifest-models.ts';

let chart: Chart;
const rendered = new Map<string, Manifest[]>();
before(async () => {
  chart = await openChart();
  for (const set of VALUE_SETS) rendered.set(set, chart.manifests({ values: [valuesOf(set)] }));
});
after(() => chart?.remove());

describe('the manifests', () => {
  for (const set of VALUE_SETS) {
    test(`of ${set} pass helm's own check, strictly`, () => {
      const { ok, said } = chart.lint({ values: [valuesOf(set)] });
      assert.ok(ok, said);
    });

    test(`of ${set} have all fields that are needed, of the right types`, async () => {
      assert.deepEqual(await schemaProblems(rendered.get(set)!), []);
    });

    test(`of ${set} are different things`, () => {
      const names = rendered.get(set)!.map(nameOf);
      assert.deepEqual(names.length, new Set(names).size, names.join(' '));
    });
  }

  test('of all value sets have no field that Kubernetes does not know', async () => {
    assert.deepEqual(await unknownFields([...rendered.values()].flat()), []);
  });
});

describe('the checks themselves', () => {
  const service = (spec: object): Manifest => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'wrong' }, spec });

  test('a wrong type, a missing field and an unknown kind are found', async () => {
    const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b' }, spec: { maxUnavailable: [] } };
    const scaled = { apiVersion: 'keda.sh/v1alpha1', kind: 'ScaledObject', metadata: { name: 's' }, spec: { triggers: [] } };
    const found = await schemaProblems([service({ ports: [{ port: '80' }] }), budget, scaled, { ...budget, kind: 'PodBudget' }]);
    assert.equal(found.length, 4, found.join('\n'));
    assert.match(found[3]!, /PodBudget\/b: policy\/v1 has no such kind/);
  });

  test('a field that does not exist is found, also in resources of operators', async () => {
    const monitor = {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'PodMonitor',
      metadata: { name: 'm' },
      spec: { selector: {}, podMetricsEndpoint: [] },
    };
    const found = await unknownFields([service({ selectors: {} }), monitor]);
    assert.equal(found.length, 2, found.join('\n'));
    assert.match(found[0]!, /selectors/);
    assert.match(found[1]!, /podMetricsEndpoint/);
  });
});
