// deploy/k8s: the chart rendered for those who do not use helm, a file for each template, and a kustomization that lists them.
import { join } from 'node:path';
import { openChart, ROOT } from './chart.ts';

export const FOLDER = join(ROOT, 'deploy', 'k8s');
export const NAMESPACE = 'imaging';
const HEAD = '# Rendered from helm/ with values.yaml beside it by `npm run k8s:render`: not edited by hand.\n';

/** File name to text, of all that is made. */
export async function renderK8s(): Promise<Map<string, string>> {
  const chart = await openChart();
  try {
    const text = chart.template({ values: [join(FOLDER, 'values.yaml')], namespace: NAMESPACE, skipTests: true });
    const files = byTemplate(text);
    return files.set('kustomization.yaml', kustomization([...files.keys()]));
  } finally {
    await chart.remove();
  }
}

/** helm says of each manifest where it comes from. */
function byTemplate(text: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const manifest of text.split(/^---\n/m).filter((part) => part.trim() !== '')) {
    const source = /^# Source: causeway\/templates\/([a-z-]+\.yaml)\n/.exec(manifest);
    if (source === null) throw new Error(`helm does not say where this comes from: ${manifest.slice(0, 100)}`);
    const [line, name = ''] = source;
    files.set(name, `${files.get(name) ?? HEAD}---\n${manifest.slice(line.length).trimEnd()}\n`);
  }
  return files;
}

function kustomization(names: readonly string[]): string {
  const resources = names.toSorted().map((name) => `  - ${name}\n`);
  return `${HEAD}apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: ${NAMESPACE}
labels:
  # What helm wrote there would make it believe that they are its own.
  - pairs: { app.kubernetes.io/managed-by: kustomize }
resources:
${resources.join('')}`;
}
