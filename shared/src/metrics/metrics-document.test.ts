// docs/METRICS.md lists every metric of the code and no other; and there is no way around the table.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { METRICS, type MetricName, prometheusName } from './metric-table.ts';
import { METRICS_DOCUMENT, withTables } from './metrics-document.ts';

const ROOT = join(import.meta.dirname, '../../..');
const NAMES = Object.keys(METRICS) as MetricName[];

const sources = globSync(['shared/src/**/*.ts', 'services/*/src/**/*.ts'], { cwd: ROOT })
  .filter((path) => !/\.test\.ts$|-for-tests\.ts$|shared\/src\/metrics\//.test(path))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

describe('metrics', () => {
  it('are listed in docs/METRICS.md as the table has them (else: node shared/src/metrics/metrics-document.ts)', () => {
    const document = readFileSync(METRICS_DOCUMENT, 'utf8');
    assert.equal(document, withTables(document));
  });

  it('are made by instruments.ts only', () => {
    assert.ok(sources.length > 300);
    const around = sources.filter(({ text }) => /\.create(Observable)?(Counter|Gauge|Histogram|UpDownCounter)\(/.test(text));
    assert.deepEqual(
      around.map(({ path }) => path),
      [],
    );
  });

  it('of the table are all told by somebody', () => {
    const untold = NAMES.filter((name) => !sources.some(({ text }) => text.includes(`'${name}'`)));
    assert.deepEqual(untold, []);
  });

  it('have names that stay different on /metrics, and are ours or of the semantic conventions', () => {
    assert.equal(new Set(NAMES.map(prometheusName)).size, NAMES.length);
    for (const name of NAMES) assert.match(name, /^(causeway|process|nodejs|v8js|messaging|db)\.[a-z0-9_.]+$/);
  });
});
