// The benchmark's tables, for people and as JSON.
import { cpus, release, totalmem } from 'node:os';
import type { EndToEndRow } from './end-to-end.ts';
import type { IngestRow } from './ingest.ts';
import type { LargeObjectRow } from './large-object.ts';

export interface BenchResult {
  readonly at: string;
  readonly machine: { cores: number; model: string; memoryGiB: number; kernel: string; node: string };
  ingest?: IngestRow[];
  endToEnd?: EndToEndRow[];
  largeObject?: LargeObjectRow[];
}

export const thisMachine = (): BenchResult['machine'] => ({
  cores: cpus().length,
  model: cpus()[0]?.model.trim() ?? 'unknown',
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  kernel: release(),
  node: process.version,
});

export function table(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n');
}

const rate = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(0));
const ratio = (a: number | undefined, b: number | undefined): string =>
  a === undefined || b === undefined ? '-' : `${(a / b).toFixed(2)}x`;

export function ingestTable(rows: IngestRow[]): string {
  const names = ['storescp', 'causeway receiver', 'causeway gateway', 'orthanc', 'disk limit'];
  const lines = rows.map(({ associations, rates }) => [
    String(associations),
    ...names.map((name) => rate(rates[name])),
    ratio(rates['causeway receiver'], rates.storescp),
    ratio(rates['causeway receiver'], Math.min(rates.storescp ?? 0, rates['disk limit'] ?? 0)),
    ratio(rates['causeway receiver'], rates.orthanc),
    ratio(rates['causeway gateway'], rates.storescp),
  ]);
  return table(['assoc.', ...names, 'receiver/storescp', 'receiver/min(storescp,disk)', 'receiver/orthanc', 'gateway/storescp'], lines);
}

export function endToEndTable(rows: EndToEndRow[]): string {
  const names = ['causeway gateway', 'orthanc, per instance', 'orthanc, per stable study'];
  const lines = rows.map(({ compression, rates }) => {
    const best = Math.max(rates[names[1]!] ?? 0, rates[names[2]!] ?? 0);
    return [compression, ...names.map((name) => rate(rates[name])), ratio(rates[names[0]!], best)];
  });
  return table(['compression', ...names, 'causeway/best orthanc'], lines);
}

export function largeObjectTable(rows: LargeObjectRow[]): string {
  const names = [...new Set(rows.flatMap(({ peakBytes }) => Object.keys(peakBytes)))];
  const mib = (bytes: number | undefined) => (bytes === undefined ? '-' : `${Math.round(bytes / 2 ** 20)} MiB`);
  const lines = names.map((name) => [name, ...rows.map(({ peakBytes }) => mib(peakBytes[name]))]);
  const summary = rows.map(
    ({ compression, bytes, seconds, arrivedAs }) =>
      `compression ${compression}: ${mib(bytes)} arrived in ${seconds.toFixed(0)} s, ${arrivedAs}`,
  );
  return [table(['peak resident', ...rows.map(({ compression }) => `compression ${compression}`)], lines), ...summary].join('\n');
}
