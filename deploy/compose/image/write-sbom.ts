// Run while the image is built: writes sbom.cdx.json of what lies in it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { type InstalledPackages, sbomOf } from './sbom.ts';

const readJson = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T;
const debian = execFileSync('dpkg-query', ['--show', `--showformat=\${Package} \${Version} \${Architecture}\n`], { encoding: 'utf8' });

const sbom = sbomOf({
  version: readJson<{ version: string }>('package.json').version,
  nodeVersion: process.versions.node,
  installed: readJson<InstalledPackages>('node_modules/.package-lock.json'),
  debian: debian
    .trim()
    .split('\n')
    .map((line) => line.split(' '))
    .map(([name, version, architecture]) => ({ name: name!, version: version!, architecture: architecture! })),
});
writeFileSync('sbom.cdx.json', `${JSON.stringify(sbom, null, 1)}\n`);
