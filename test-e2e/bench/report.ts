// The benchmark's tables, for people and as JSON.
import { cpus, release, totalmem } from 'node:os';
import { median } from './bench-processes.ts';
import type { EndToEndRow } from './end-to-end.ts';
import type { FootprintRow } from './footprint.ts';
import { type ForwardingRow, linkUse } from './forwarding.ts';
import type { GrowthRow } from './growth.ts';
import type { IngestRow } from './ingest.ts';
import type { LargeObjectRow } from './large-object.ts';
import type { ManyAssociations } from './many-associations.ts';
import type { ResponseTimes } from './response-times.ts';
import type { TracingRow } from './tracing-overhead.ts';

export interface BenchResult {
  readonly at: string;
  readonly machine: { cores: number; model: string; memoryGiB: number; kernel: string; node: string };
  ingest?: IngestRow[];
  endToEnd?: EndToEndRow[];
  largeObject?: LargeObjectRow[];
  manyAssociations?: ManyAssociations;
  responseTimes?: ResponseTimes[];
  forwarding?: ForwardingRow[];
  overWan?: ForwardingRow[];
  tracing?: TracingRow[];
  growth?: GrowthRow[];
  footprint?: FootprintRow[];
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

/** Medians of the pairs. */
export function tracingTable(rows: TracingRow[]): string {
  const lines = rows.map(({ compression, pairs, ratio: found, spansPerInstance, bytesPerSpan }) => [
    compression,
    `${median(pairs.map(({ off }) => off)).toFixed(1)} ms`,
    `${median(pairs.map(({ on }) => on)).toFixed(1)} ms`,
    `${found.toFixed(3)}x`,
    spansPerInstance.toFixed(1),
    bytesPerSpan.toFixed(0),
  ]);
  return table(['compression', 'an instance, off', 'on', 'median of pairs', 'spans an instance', 'bytes a span'], lines);
}

const rate = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(0));
const ratio = (a: number | undefined, b: number | undefined): string =>
  a === undefined || b === undefined ? '-' : `${(a / b).toFixed(2)}x`;

export function ingestTable(rows: IngestRow[]): string {
  const names = ['storescp', 'causeway receiver', 'two receivers', 'causeway gateway', 'orthanc', 'disk limit'];
  const lines = rows.map(({ associations, rates }) => [
    String(associations),
    ...names.map((name) => rate(rates[name])),
    ratio(rates['causeway receiver'], rates.storescp),
    ratio(rates['causeway receiver'], Math.min(rates.storescp ?? 0, rates['disk limit'] ?? 0)),
    ratio(rates['causeway receiver'], rates.orthanc),
  ]);
  return table(['assoc.', ...names, 'receiver/storescp', 'receiver/min(storescp,disk)', 'receiver/orthanc'], lines);
}

/** Processor time for each megabyte. */
export function processorTable(rows: IngestRow[]): string {
  const names = ['storescp', 'causeway receiver', 'two receivers', 'orthanc'];
  const ms = (value: number | undefined) => (value === undefined ? '-' : `${value.toFixed(2)} ms`);
  const lines = rows.map(({ associations, processorMsPerMb: found }) => [
    String(associations),
    ...names.map((name) => ms(found[name])),
    ratio(found['causeway receiver'], found.storescp),
  ]);
  return table(['assoc.', ...names, 'receiver/storescp'], lines);
}

export function manyAssociationsLine({ associations, instances, rate: found, peakBytes }: ManyAssociations): string {
  return `${associations} associations at once: ${instances} instances stored, ${rate(found)} a second, peak resident ${Math.round(peakBytes / 2 ** 20)} MiB`;
}

export function responseTable(rows: ResponseTimes[]): string {
  const lines = rows.map(({ program, operations, medianMs, p99Ms }) => [
    program,
    String(operations),
    medianMs.toFixed(1),
    p99Ms.toFixed(1),
  ]);
  return table(['program', 'C-STOREs', 'median ms', 'p99 ms'], lines);
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

const SENDERS = ['storescu', 'uploader, DIMSE', 'uploader, STOW'];

export function forwardingTable(rows: ForwardingRow[]): string {
  const lines = rows.map(({ concurrency, rates }) => [
    String(concurrency),
    ...SENDERS.map((name) => rate(rates[name])),
    ratio(rates['uploader, DIMSE'], rates.storescu),
    ratio(rates['uploader, STOW'], rates.storescu),
  ]);
  return table(['at a time', ...SENDERS, 'DIMSE/storescu', 'STOW/storescu'], lines);
}

/** With the part of the line that each one filled. */
export function wanTable(rows: ForwardingRow[], mbitPerSecond: number): string {
  const used = (row: ForwardingRow, found: number | undefined): string =>
    found === undefined ? '-' : `${found.toFixed(1)} (${(100 * linkUse(row, found, mbitPerSecond)).toFixed(0)} %)`;
  const lines = rows.map((row) => [row.line, String(row.concurrency), ...SENDERS.map((name) => used(row, row.rates[name]))]);
  return table(['line', 'at a time', ...SENDERS], lines);
}
