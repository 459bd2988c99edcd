// The Helm chart, rendered by helm. The charts that it depends on cannot be fetched everywhere and are not ours to test: stand-ins take their places, each of which
// only shows that it was switched on and what it was given.
import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

export const ROOT = resolve(import.meta.dirname, '../../..');
export const CHART = join(ROOT, 'helm');
const HELM = join(ROOT, '.tools', 'bin', 'helm');

/** The value sets of helm/ci. */
export const VALUE_SETS = ['minimal', 'ha', 'external-tls', 'everything'] as const;
export type ValueSet = (typeof VALUE_SETS)[number];
export const valuesOf = (set: ValueSet): string => join(CHART, 'ci', `${set}.yaml`);

const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({
    name: z.string(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
});
export type Manifest = z.infer<typeof manifest>;

const chartFile = z.looseObject({
  version: z.string(),
  dependencies: z.array(z.object({ name: z.string(), version: z.string(), alias: z.string() }).loose()),
});
export type ChartFile = z.infer<typeof chartFile>;

export const readChartFile = async (): Promise<ChartFile> => chartFile.parse(parse(await readFile(join(CHART, 'Chart.yaml'), 'utf8')));

export interface RenderOptions {
  /** Paths of values files. */
  readonly values?: readonly string[];
  /** `name=value` as for --set. */
  readonly set?: readonly string[];
  readonly release?: string;
  readonly namespace?: string;
  /** Without the pod of `helm test`. */
  readonly skipTests?: boolean;
}

export interface Chart {
  /** Text as helm prints it; throws with helm's own message when it refuses. */
  template(options: RenderOptions): string;
  manifests(options: RenderOptions): Manifest[];
  /** What helm says when it refuses; throws when it does not. */
  refusal(options: RenderOptions): string;
  /** What an installation would be told at its end; no cluster is asked. */
  notes(options: RenderOptions): string;
  lint(options: RenderOptions): { ok: boolean; said: string };
  remove(): Promise<void>;
}

/** A copy of the chart with stand-ins, in a temporary folder. */
export async function openChart(): Promise<Chart> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-chart-'));
  // Charts that somebody has fetched are left behind: everywhere the same is rendered.
  await cp(CHART, folder, { recursive: true, filter: (path) => !['charts', 'Chart.lock'].some((name) => path === join(CHART, name)) });
  for (const { name, version } of (await readChartFile()).dependencies) await addStandIn(join(folder, 'charts', name), { name, version });
  const run = (command: string[], { values = [], set = [], namespace = 'imaging' }: RenderOptions) =>
    spawnSync(HELM, [...command, '-n', namespace, ...values.flatMap((path) => ['-f', path]), ...set.flatMap((one) => ['--set', one])], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 ** 2,
    });
  const render = (options: RenderOptions) =>
    run(['template', options.release ?? 'causeway', folder, ...(options.skipTests ? ['--skip-tests'] : [])], options);
  const template = (options: RenderOptions): string => {
    const { status, stdout, stderr, error } = render(options);
    if (status !== 0) throw new Error(`helm template: ${error?.message ?? stderr}`);
    return stdout;
  };
  return {
    template,
    manifests: (options) => readManifests(template(options)),
    refusal: (options) => {
      const { status, stderr } = render(options);
      if (status === 0) throw new Error('helm template took the values');
      return stderr;
    },
    notes: (options) => {
      const { status, stdout, stderr } = run(['install', 'causeway', folder, '--dry-run=client'], options);
      if (status !== 0) throw new Error(`helm install --dry-run=client: ${stderr}`);
      return stdout.slice(stdout.indexOf('\nNOTES:\n'));
    },
    lint: (options) => {
      const { status, stdout, stderr } = run(['lint', '--strict', folder], options);
      return { ok: status === 0, said: stdout + stderr };
    },
    remove: () => rm(folder, { recursive: true }),
  };
}

async function addStandIn(folder: string, about: { name: string; version: string }): Promise<void> {
  await mkdir(join(folder, 'templates'), { recursive: true });
  await writeFile(join(folder, 'Chart.yaml'), JSON.stringify({ apiVersion: 'v2', ...about }));
  const shown = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '{{ .Values.fullnameOverride }}' }, data: { values: 'VALUES' } };
  await writeFile(join(folder, 'templates', 'stand-in.yaml'), JSON.stringify(shown).replace('"VALUES"', '{{ toJson .Values | quote }}'));
}

/** Throws on what is no manifest. */
export function readManifests(text: string): Manifest[] {
  return parseAllDocuments(text).flatMap((document) => {
    // Keys that come twice, for instance.
    if (document.errors.length > 0) throw document.errors[0];
    const value: unknown = document.toJS();
    return value === null ? [] : [manifest.parse(value)];
  });
}
