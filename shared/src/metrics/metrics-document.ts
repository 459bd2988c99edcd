// The table of metrics as docs/METRICS.md shows it. `node shared/src/metrics/metrics-document.ts` writes it anew.
import { readFileSync, writeFileSync } from 'node:fs';
import type { MetricDefinition } from './metric-definition.ts';
import { METRIC_GROUPS, type MetricName, prometheusName } from './metric-table.ts';

export const METRICS_DOCUMENT = new URL('../../../docs/METRICS.md', import.meta.url);

const TITLES: Readonly<Record<keyof typeof METRIC_GROUPS, string>> = {
  PROCESS: 'Every service: the process',
  CONNECTIONS: 'Every service: itself, and what it is connected to',
  RECEIVER: 'Receiver',
  COMPRESSOR: 'Compressor',
  ROUTER: 'Router',
  UPLOADER: 'Uploader',
  RETRIEVER: 'Retriever',
  LEDGER: 'Ledger: its work, and the queues',
  WORK: 'Ledger: what waits (absent, not zero, while PostgreSQL is away)',
};
const BEGIN = '<!-- written by shared/src/metrics/metrics-document.ts -->';

/** The document with its tables as they must be; what stands before the mark is kept. */
export function withTables(document: string): string {
  const groups = Object.entries(METRIC_GROUPS) as [keyof typeof METRIC_GROUPS, Record<string, MetricDefinition>][];
  const tables = groups.map(([group, metrics]) => `## ${TITLES[group]}\n\n${tableOf(metrics)}\n`);
  return `${document.split(BEGIN)[0]}${BEGIN}\n\n${tables.join('\n')}`;
}

function tableOf(metrics: Record<string, MetricDefinition>): string {
  const rows = Object.entries(metrics).map(([name, { kind, unit, labels, says }]) => {
    const plainKind = kind.replace('observed-', '').replace('up-down-counter', 'gauge');
    const words = labels.map((label) => `\`${label.replaceAll('.', '_')}\``).join(', ');
    return `| \`${prometheusName(name as MetricName)}\` | ${plainKind} | ${unit} | ${words} | ${says} |`;
  });
  return ['| on /metrics | kind | unit | labels | what it says |', '|---|---|---|---|---|', ...rows].join('\n');
}

if (process.argv[1] === import.meta.filename) writeFileSync(METRICS_DOCUMENT, withTables(readFileSync(METRICS_DOCUMENT, 'utf8')));
