// The list of parts holds each of them once, with what identifies it.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sbomOf } from './sbom.ts';

const SHA512 = 'z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg==';

describe('sbomOf', () => {
  const sbom = sbomOf({
    version: '1.2.3',
    nodeVersion: '24.0.0',
    installed: {
      packages: {
        '': { version: '1.2.3' },
        'services/router': { version: '1.2.3' },
        'node_modules/@causeway/shared': { link: true },
        'node_modules/@nats-io/jetstream': { version: '3.4.0', integrity: `sha512-${SHA512}`, license: 'Apache-2.0' },
        'node_modules/pg': { version: '8.23.1', license: 'MIT' },
        'node_modules/dcmjs-codecs/node_modules/pg': { version: '8.23.1', license: 'MIT' },
        'services/router/node_modules/pg': { version: '7.0.0' },
      },
    },
    debian: [{ name: 'libc6', version: '2.36-9+deb12u14', architecture: 'amd64' }],
  });

  it('has every package in every version once, and our own workspaces not at all', () => {
    assert.deepEqual(
      sbom.components.map(({ purl }) => purl),
      [
        'pkg:generic/node@24.0.0',
        'pkg:npm/%40nats-io/jetstream@3.4.0',
        'pkg:npm/pg@7.0.0',
        'pkg:npm/pg@8.23.1',
        'pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?arch=amd64',
      ],
    );
  });

  it('tells group, licence and digest of a package as CycloneDX has them', () => {
    const { group, name, licenses, hashes } = sbom.components[1]!;
    assert.deepEqual([group, name, licenses], ['@nats-io', 'jetstream', [{ expression: 'Apache-2.0' }]]);
    assert.deepEqual(hashes, [{ alg: 'SHA-512', content: Buffer.from(SHA512, 'base64').toString('hex') }]);
  });

  it('names every part as what the gateway is made of', () => {
    assert.deepEqual(
      sbom.dependencies[0].dependsOn,
      sbom.components.map((component) => component['bom-ref']),
    );
  });
});
