// helm reads no file outside of the chart: alerts and dashboards lie in helm/files as copies of those in deploy/observability.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CHART, ROOT } from './chart.ts';

const SOURCE = join(ROOT, 'deploy', 'observability');
const COPY = join(CHART, 'files');

/** Path below deploy/observability to text, of what the chart brings. */
export async function observabilityFiles(): Promise<Map<string, string>> {
  const dashboards = (await readdir(join(SOURCE, 'dashboards')))
    .filter((name) => name.endsWith('.json'))
    .map((name) => `dashboards/${name}`);
  return readAll(SOURCE, ['alerts.yaml', ...dashboards.sort()]);
}

/** The same of the copies. */
export async function copiedFiles(): Promise<Map<string, string>> {
  const entries = await readdir(COPY, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name).slice(COPY.length + 1));
  return readAll(COPY, paths.sort());
}

export async function copyObservabilityFiles(): Promise<void> {
  const files = await observabilityFiles();
  await rm(COPY, { recursive: true, force: true });
  for (const [path, text] of files) {
    await mkdir(dirname(join(COPY, path)), { recursive: true });
    await writeFile(join(COPY, path), text);
  }
}

async function readAll(folder: string, paths: readonly string[]): Promise<Map<string, string>> {
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(folder, path), 'utf8')] as const)));
}
