// `npm run k8s:render`: makes deploy/k8s anew, and helm/files, which the chart brings.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FOLDER, renderK8s } from './k8s-manifests.ts';
import { copyObservabilityFiles } from './observability-files.ts';

await copyObservabilityFiles();
const files = await renderK8s();
for (const [name, text] of files) await writeFile(join(FOLDER, name), text);
console.log(`written: ${files.size} files in ${FOLDER}`);
