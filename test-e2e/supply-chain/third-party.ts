// THIRD-PARTY.md: what a running gateway is made of beside our own code, with versions and licences.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type LockedPackage, PRODUCT, reachedFrom, readLockFile } from './locked-packages.ts';

export const THIRD_PARTY = resolve(import.meta.dirname, '../../THIRD-PARTY.md');

/** Licences that let everybody use, change and pass on the gateway, SPDX identifiers. */
export const ALLOWED_LICENCES = [
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC0-1.0',
  'ISC',
  'MIT',
  'Unlicense',
  'Zlib',
];

/** Read by a person in the package itself: npm knows none, because the package tells it in an outdated form. */
export const READ_LICENCES: Readonly<Record<string, string>> = {
  buildcheck: 'MIT',
  'cpu-features': 'MIT',
  memorystream: 'MIT',
  ssh2: 'MIT',
};

export const licenceOf = ({ name, licence }: Pick<LockedPackage, 'name' | 'licence'>): string | undefined => licence ?? READ_LICENCES[name];

/** An expression is allowed when one side of each OR and both of each AND are; nothing nested is known to occur. */
export function isAllowed(expression: string): boolean {
  const alternatives = expression.replace(/[()]/g, '').split(/ OR /);
  return alternatives.some((all) => all.split(/ AND /).every((licence) => ALLOWED_LICENCES.includes(licence.trim())));
}

export function thirdPartyText(packages: readonly LockedPackage[]): string {
  const rows = packages.map((one) => `| ${one.name} | ${one.version} | ${licenceOf(one) ?? 'unknown'} |`);
  return `# Third-party software

What a running gateway is made of beside its own code, as \`package-lock.json\` pins it. Made by \`npm run third-party\`; a test compares it with the lock file and every
licence with those that are allowed. Each package brings the text of its licence. Beside these run nats-server (Apache-2.0), PostgreSQL (PostgreSQL) and Node.js (MIT).

| package | version | licence |
|---|---|---|
${[...new Set(rows)].sort().join('\n')}
`;
}

if (import.meta.main) {
  writeFileSync(THIRD_PARTY, thirdPartyText(reachedFrom(readLockFile(), PRODUCT)));
  console.log(`written: ${THIRD_PARTY}`);
}
