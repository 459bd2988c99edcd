// The chart brings the alerts and dashboards of deploy/observability, unchanged, to the Prometheus operator and to Grafana.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { type Chart, type Manifest, openChart, valuesOf } from './chart.ts';
import { copiedFiles, observabilityFiles } from './observability-files.ts';

let chart: Chart;
let manifests: Manifest[];
let files: Map<string, string>;
before(async () => {
  chart = await openChart();
  manifests = chart.manifests({ values: [valuesOf('everything')] });
  files = await observabilityFiles();
});
after(() => chart?.remove());

describe('observability in the chart', () => {
  test('is that of deploy/observability (npm run k8s:render copies it)', async () => {
    assert.deepEqual(await copiedFiles(), files);
  });

  test('has every alert rule, its templates untouched', () => {
    const [rules] = manifests.filter(({ kind }) => kind === 'PrometheusRule');
    const alerts: unknown = parse(files.get('alerts.yaml')!);
    assert.deepEqual(rules!.spec, alerts);
  });

  test('has every dashboard as a ConfigMap that Grafana finds by its label', () => {
    const dashboards = manifests.filter(({ metadata }) => metadata.labels?.grafana_dashboard === '1');
    const texts = dashboards.map(({ data }) => Object.entries(z.record(z.string(), z.string()).parse(data)));
    const wanted = [...files].filter(([path]) => path.startsWith('dashboards/'));
    assert.ok(wanted.length > 0);
    assert.deepEqual(new Map(texts.flat().map(([name, text]) => [`dashboards/${name}`, text])), new Map(wanted));
  });

  test('is off unless it is wanted', () => {
    const plain = chart.manifests({ values: [valuesOf('ha')] });
    assert.deepEqual(
      plain.filter(({ apiVersion }) => apiVersion.startsWith('monitoring.coreos.com')),
      [],
    );
  });

  test('reads the metrics of every pod, under a job that the alerts know', () => {
    const monitor = z.looseObject({
      spec: z.looseObject({
        podMetricsEndpoints: z.array(
          z.looseObject({
            port: z.string(),
            relabelings: z.array(z.looseObject({ targetLabel: z.string(), replacement: z.string().optional() })),
          }),
        ),
      }),
    });
    const [found] = manifests.filter(({ kind }) => kind === 'PodMonitor').map((one) => monitor.parse(one).spec.podMetricsEndpoints[0]!);
    assert.equal(found!.port, 'ops');
    const job = found!.relabelings.find(({ targetLabel }) => targetLabel === 'job')!.replacement!;
    const jobs = [...files.get('alerts.yaml')!.matchAll(/job=~"([^"]+)"/g)].map(([, pattern]) => pattern!);
    assert.ok(jobs.length > 0);
    for (const pattern of jobs) assert.match(job, new RegExp(`^(?:${pattern})$`));
  });
});
