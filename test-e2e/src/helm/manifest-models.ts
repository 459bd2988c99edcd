// Manifests against the models of Kubernetes, KEDA and the Prometheus operator: wrong types and missing fields by their JSON schemas, fields that do not exist by the
// type checker, since the schemas let those pass.
import { spawnSync } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { type Manifest, ROOT } from './chart.ts';

const PACKAGES: Readonly<Record<string, string>> = {
  'keda.sh': '@kubernetes-models/keda',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

const COMPILER = { noEmit: true, strict: true, skipLibCheck: true, target: 'es2022', module: 'nodenext', types: [] };

interface Model {
  validate(): void;
}

/** The module of a kind: kubernetes-models/apps/v1/Deployment. */
function modelModule({ apiVersion, kind }: Manifest): string {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return [PACKAGES[group] ?? 'kubernetes-models', ...(group === '' ? [] : [group]), version, kind].join('/');
}

/** One line for each manifest that its model refuses, or that there is no model of. */
export async function schemaProblems(manifests: readonly Manifest[]): Promise<string[]> {
  const problems: string[] = [];
  for (const manifest of manifests) {
    const problem = await schemaProblem(manifest);
    if (problem !== undefined) problems.push(`${nameOf(manifest)}: ${problem}`);
  }
  return problems;
}

export const nameOf = ({ kind, metadata }: Pick<Manifest, 'kind' | 'metadata'>): string => `${kind}/${metadata.name}`;

async function schemaProblem(manifest: Manifest): Promise<string | undefined> {
  const models: Record<string, new (data: unknown) => Model> = await import(modelModule(manifest)).catch(() => ({}));
  const ManifestModel = models[manifest.kind];
  if (ManifestModel === undefined) return `${manifest.apiVersion} has no such kind`;
  try {
    new ManifestModel(manifest).validate();
    return undefined;
  } catch (error) {
    return z.instanceof(Error).parse(error).message;
  }
}

/** One line for each field that the types do not have. The check is that of excess properties in object literals. */
export async function unknownFields(manifests: readonly Manifest[]): Promise<string[]> {
  // Inside of the checkout, where the packages are found.
  const folder = join(ROOT, 'node_modules', '.cache', `causeway-manifests-${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    await writeFile(join(folder, 'manifests.ts'), manifests.map(literalOf).join('\n'));
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: COMPILER, files: ['manifests.ts'] }));
    const { status, stdout, error } = spawnSync(join(ROOT, 'node_modules', '.bin', 'tsc'), ['-p', folder, '--pretty', 'false'], {
      encoding: 'utf8',
    });
    if (error) throw error;
    return status === 0 ? [] : stdout.trim().split('\n');
  } finally {
    await rm(folder, { recursive: true });
  }
}

function literalOf(manifest: Manifest, index: number): string {
  // The name in a variable's name tells in the message which manifest it is.
  const variable = `m${index}_${nameOf(manifest).replaceAll(/[^A-Za-z0-9]/g, '_')}`;
  return `import type { I${manifest.kind} as Type${index} } from '${modelModule(manifest)}';\nexport const ${variable}: Type${index} = ${JSON.stringify(manifest)};`;
}
