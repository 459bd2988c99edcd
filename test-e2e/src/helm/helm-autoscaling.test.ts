// What autoscaling goes by: metrics that exist, and numbers that mean work which more replicas would do.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { METRICS, prometheusName } from '@causeway/shared/metrics/metric-table';
import { z } from 'zod';
import { type Chart, openChart, valuesOf } from './chart.ts';

const scaledObject = z.looseObject({
  spec: z.looseObject({
    scaleTargetRef: z.looseObject({ name: z.string() }),
    minReplicaCount: z.number(),
    triggers: z.tuple([z.strictObject({ type: z.literal('prometheus'), metadata: z.record(z.string(), z.string()) })]),
  }),
});

let chart: Chart;
let folder: string;
const triggers = new Map<string, Record<string, string>>();
before(async () => {
  chart = await openChart();
  folder = await mkdtemp(join(tmpdir(), 'causeway-scaling-'));
  const found = chart.manifests({ values: [valuesOf('everything')] }).filter(({ kind }) => kind === 'ScaledObject');
  for (const { spec } of found.map((one) => scaledObject.parse(one))) triggers.set(spec.scaleTargetRef.name, spec.triggers[0].metadata);
});
after(async () => {
  await chart?.remove();
  await rm(folder, { recursive: true });
});

const queryOf = (deployment: string): string => triggers.get(deployment)!.query!;

describe('the queries of autoscaling', () => {
  test('ask for metrics that the services tell', () => {
    const known = new Set(Object.keys(METRICS).map((name) => prometheusName(name as keyof typeof METRICS)));
    for (const deployment of ['causeway-compressor', 'causeway-uploader']) {
      const asked = queryOf(deployment).match(/causeway_\w+/g) ?? [];
      assert.ok(asked.length > 0);
      assert.deepEqual(
        asked.filter((name) => !known.has(name)),
        [],
        deployment,
      );
    }
  });

  test('hold the number of replicas when there is no answer, for absent is not zero', () => {
    for (const metadata of triggers.values()) assert.equal(metadata.ignoreNullValues, 'false');
  });
});

interface Series {
  readonly series: string;
  readonly value: number;
}

const of = (metric: string, labels: string, value: number): Series => ({ series: `${metric}{namespace="imaging",${labels}}`, value });

/** What Prometheus answers to the query, by promtool's unit tests: passes when it is `expected`. */
async function assertAnswer(query: string, series: readonly Series[], expected: number | undefined): Promise<void> {
  await writeFile(join(folder, 'rules.yaml'), JSON.stringify({ groups: [] }));
  const samples = expected === undefined ? [] : [{ labels: '{}', value: expected }];
  const tests = [
    {
      interval: '15s',
      input_series: series.map((one) => ({ series: one.series, values: `${one.value}x4` })),
      promql_expr_test: [{ expr: query, eval_time: '1m', exp_samples: samples }],
    },
  ];
  await writeFile(join(folder, 'test.yaml'), JSON.stringify({ rule_files: ['rules.yaml'], tests }));
  const { status, stdout, stderr, error } = spawnSync('promtool', ['test', 'rules', 'test.yaml'], { cwd: folder, encoding: 'utf8' });
  if (error) throw error;
  assert.equal(status, 0, stdout + stderr);
}

describe('the work of the compressor', () => {
  const messages = (pod: string, stream: string, value: number): Series =>
    of('causeway_stream_messages', `pod="${pod}",stream="${stream}"`, value);

  test('is what lies in its two streams, counted once though each ledger tells it', async () => {
    const series = ['a', 'b'].flatMap((pod) => [
      messages(pod, 'RECEIVED', 700),
      messages(pod, 'DERIVATIONS', 50),
      messages(pod, 'DELIVERIES', 9000),
    ]);
    await assertAnswer(queryOf('causeway-compressor'), series, 750);
  });

  test('is not known while no ledger tells it', async () => {
    await assertAnswer(queryOf('causeway-compressor'), [], undefined);
  });
});

describe('the work of the uploader', () => {
  const queued = (pod: string, destination: string, value: number): Series =>
    of('causeway_uploader_queued', `pod="${pod}",destination="${destination}",lane="routine"`, value);
  const state = (pod: string, destination: string, value: number): Series =>
    of('causeway_uploader_destination_state', `pod="${pod}",destination="${destination}"`, value);

  test('is what is queued for destinations that take something, counted once though each uploader tells it', async () => {
    const series = ['a', 'b'].flatMap((pod) => [
      queued(pod, 'cloud', 300),
      queued(pod, 'pacs', 20),
      state(pod, 'cloud', 0),
      state(pod, 'pacs', 0),
    ]);
    await assertAnswer(queryOf('causeway-uploader'), series, 320);
  });

  test('is not what waits for a destination that every uploader has paused', async () => {
    const series = [
      queued('a', 'cloud', 300),
      queued('a', 'pacs', 20),
      state('a', 'cloud', 0),
      state('a', 'pacs', 2),
      state('b', 'pacs', 2),
    ];
    await assertAnswer(queryOf('causeway-uploader'), series, 300);
    await assertAnswer(queryOf('causeway-uploader'), [...series, state('c', 'pacs', 1)], 320);
  });

  test('is not what waits for the hours of its destination', async () => {
    const closed = of('causeway_uploader_window_closed', 'pod="a",destination="night"', 1);
    await assertAnswer(queryOf('causeway-uploader'), [queued('a', 'cloud', 300), queued('a', 'night', 9000), closed], 300);
  });

  test('is nothing when nothing is queued', async () => {
    await assertAnswer(queryOf('causeway-uploader'), [], 0);
  });
});
