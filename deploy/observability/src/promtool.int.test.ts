// Rules, dashboards and configuration, judged by Prometheus's own tool, and against the metrics that the code has.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { knownMetrics, metricsIn, withoutVariables } from './expressions.ts';
import { DASHBOARDS, DASHBOARDS_FOLDER, fileNameOf, rendered } from './render-dashboards.ts';

const FOLDER = join(import.meta.dirname, '..');
const DOCS = join(FOLDER, '../../docs');
const scratch = mkdtempSync(join(tmpdir(), 'causeway-rules-'));
after(() => rmSync(scratch, { recursive: true }));

const promtool = (...args: string[]): string =>
  execFileSync('promtool', args, { cwd: FOLDER, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const yamlOf = (name: string): unknown => parse(readFileSync(join(FOLDER, name), 'utf8'));

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly runbook_url?: string };
}
interface UnitTests {
  readonly tests: { alert_rule_test: { alertname: string; exp_alerts: unknown[] }[] }[];
}
/** By how long the alerts take: Prometheus looks at all rules in each of their steps. */
const UNIT_TESTS = ['alerts.test.yaml', 'alerts.hours.test.yaml', 'alerts.days.test.yaml'];
const rules = (yamlOf('alerts.yaml') as { groups: { rules: Rule[] }[] }).groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const dashboardQueries = DASHBOARDS.flatMap(({ uid, panels }) =>
  panels.flatMap(({ title, queries }) => queries.map(({ expr }) => ({ where: `${uid}: ${title}`, expr }))),
);

describe('alerts', () => {
  it('are rules that Prometheus takes', () => {
    assert.match(promtool('check', 'rules', 'alerts.yaml'), new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  it('fire when they should, with the right words, and not when they should not', () => {
    assert.equal(promtool('test', 'rules', ...UNIT_TESTS).match(/SUCCESS/g)?.length, UNIT_TESTS.length);
  });

  it('each have a test that lets them fire, and one that does not', () => {
    const tests = UNIT_TESTS.flatMap((name) => (yamlOf(name) as UnitTests).tests);
    const cases = tests.flatMap(({ alert_rule_test }) => alert_rule_test);
    const tested = (fires: boolean) =>
      new Set(cases.filter(({ exp_alerts }) => exp_alerts.length > 0 === fires).map(({ alertname }) => alertname));
    const names = new Set(alerts.map(({ alert }) => alert!));
    assert.deepEqual([names.size, tested(true), tested(false)], [alerts.length, names, names]);
  });

  it('say how bad it is in words, and lead to their section of the runbook, which has no other', () => {
    const runbook = readFileSync(join(DOCS, 'RUNBOOK.md'), 'utf8');
    const sections = runbook.slice(runbook.indexOf('\n## Alerts'));
    assert.deepEqual(
      [...sections.matchAll(/^### (\w+)$/gm)].map((match) => match[1]),
      alerts.map(({ alert }) => alert),
    );
    for (const { alert, labels, annotations } of alerts) {
      assert.match(labels?.severity ?? '', /^(critical|warning)$/, alert);
      assert.ok((annotations?.summary ?? '').length > 20, alert);
      // The anchor of a heading is its text in small letters.
      assert.equal(annotations?.runbook_url, `docs/RUNBOOK.md#${alert!.toLowerCase()}`);
    }
  });
});

describe('dashboards', () => {
  it('are the files that the sources render to (else: npm run dashboards:render)', () => {
    assert.deepEqual(readdirSync(DASHBOARDS_FOLDER).sort(), DASHBOARDS.map(fileNameOf).sort());
    for (const dashboard of DASHBOARDS)
      assert.equal(readFileSync(join(DASHBOARDS_FOLDER, fileNameOf(dashboard)), 'utf8'), rendered(dashboard), fileNameOf(dashboard));
  });

  it('have expressions that Prometheus understands', () => {
    const file = join(scratch, 'dashboards.yaml');
    const asRules = dashboardQueries.map(({ expr }, place) => ({ record: `query:${place}`, expr: withoutVariables(expr) }));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboards', rules: asRules }] }));
    assert.match(promtool('check', 'rules', file), new RegExp(`SUCCESS: ${dashboardQueries.length} rules found`));
    writeFileSync(file, JSON.stringify({ groups: [{ name: 'wrong', rules: [{ record: 'x', expr: 'sum(rate(x[5m])' }] }] }));
    assert.throws(() => promtool('check', 'rules', file), 'the check can fail');
  });

  it('fit on the page: no panel is outside of it, none lies over another', () => {
    for (const dashboard of DASHBOARDS) {
      const { panels } = JSON.parse(rendered(dashboard)) as { panels: { gridPos: { x: number; y: number; w: number; h: number } }[] };
      const taken = new Set<string>();
      for (const { gridPos } of panels)
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
          for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
            assert.ok(x < 24 && !taken.has(`${x} ${y}`), `${dashboard.uid}: ${x} ${y}`);
            taken.add(`${x} ${y}`);
          }
    }
  });
});

describe('every metric and label that is asked for', () => {
  const known = knownMetrics(rules.flatMap(({ record }) => record ?? []));
  const asked = [
    ...dashboardQueries,
    ...rules.map(({ alert, record, expr }) => ({ where: alert ?? record!, expr })),
    ...DASHBOARDS.flatMap(({ uid, variables = [] }) =>
      variables.map(({ query }) => ({ where: uid, expr: query.replace(/label_values\((\w+), (\w+)\)/, '$1{$2="x"}') })),
    ),
  ];

  it('is told by a service, or by a program that foreign-metrics.ts names', () => {
    const wrong = asked.flatMap(({ where, expr }) =>
      metricsIn(expr).flatMap(({ metric, labels }) => {
        if (!known.has(metric)) return [`${where}: ${metric}`];
        const allowed = known.get(metric);
        return allowed === undefined
          ? []
          : labels.filter((label) => !allowed.includes(label)).map((label) => `${where}: ${metric}{${label}}`);
      }),
    );
    assert.deepEqual(wrong, []);
    assert.ok(asked.length > 100);
  });

  it('would be found: a wrong name, and a wrong label', () => {
    assert.deepEqual(metricsIn('sum by (stream) (rate(causeway_nothing{stream!="A", of="b"}[5m])) > on () up'), [
      { metric: 'causeway_nothing', labels: ['stream', 'of'] },
      { metric: 'up', labels: [] },
    ]);
  });
});

describe('configuration', () => {
  it('of Prometheus is taken by Prometheus', () => {
    assert.match(promtool('check', 'config', '--syntax-only', 'prometheus.yaml'), /SUCCESS/);
  });

  it('of the collector uses what it defines, and defines what it uses', () => {
    const collector = yamlOf('otel-collector.yaml') as Record<string, Record<string, unknown>> & {
      service: { pipelines: Record<string, Record<'receivers' | 'processors' | 'exporters', string[]>> };
    };
    const kinds = { receivers: ['receivers', 'connectors'], processors: ['processors'], exporters: ['exporters', 'connectors'] } as const;
    for (const [name, pipeline] of Object.entries(collector.service.pipelines))
      for (const [kind, places] of Object.entries(kinds))
        for (const part of pipeline[kind as keyof typeof kinds]) {
          const defined = places.some((place) => Object.hasOwn(collector[place]!, part));
          assert.ok(defined, `${name}: ${kind} ${part}`);
        }
  });

  it('of Grafana provides the data sources that lead to each other', () => {
    const { datasources } = yamlOf('grafana/provisioning/datasources/causeway.yaml') as {
      datasources: { uid: string; type: string; jsonData?: { exemplarTraceIdDestinations?: { datasourceUid: string }[] } }[];
    };
    const uids = datasources.map(({ uid }) => uid);
    for (const { jsonData } of datasources)
      for (const { datasourceUid } of jsonData?.exemplarTraceIdDestinations ?? []) assert.ok(uids.includes(datasourceUid), datasourceUid);
    assert.ok(datasources.some(({ type }) => type === 'prometheus'));
  });
});
