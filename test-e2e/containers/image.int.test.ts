// The image itself: how large it is, what it says of itself, and that its list of parts is what lies in it.
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import type { DockerClient } from './docker-client.ts';
import { reachDaemon } from './docker-daemon.ts';

const LARGEST_BYTES = 300_000_000;
const LISTED_PACKAGES = 'node_modules/.package-lock.json';

describe('the image', () => {
  const image = process.env.CAUSEWAY_IMAGE!;
  let docker: DockerClient;
  before(async () => {
    assert.ok(image, 'CAUSEWAY_IMAGE names no image: npm run test:containers builds it and runs these tests');
    docker = (await reachDaemon(process.env)).docker;
  });
  const runIn = (...words: string[]): Promise<string> =>
    docker.run(['run', '--rm', '--network', 'none', '--entrypoint', words[0]!, image, ...words.slice(1)]);

  it('is under 300 MB with its base', async () => {
    const bytes = Number(await docker.run(['image', 'inspect', '--format', '{{.Size}}', image]));
    console.log(`the image has ${Math.round(bytes / 1e6)} MB`);
    assert.ok(bytes < LARGEST_BYTES, `${bytes} bytes`);
  });

  it('names version and licence in OCI labels, and asks its health', async () => {
    const config = JSON.parse(await docker.run(['image', 'inspect', '--format', '{{json .Config}}', image]));
    const version = JSON.parse(await runIn('cat', '/app/package.json')).version;
    assert.equal(config.Labels['org.opencontainers.image.version'], version);
    assert.equal(config.Labels['org.opencontainers.image.licenses'], 'Apache-2.0');
    assert.ok(config.Healthcheck.Test.length > 0);
  });

  it('lists every npm and Debian package that is in it, and none that is not', async () => {
    const sbom = JSON.parse(await runIn('cat', '/app/sbom.cdx.json')) as { components: { purl: string }[] };
    const listed = sbom.components.map(({ purl }) => purl.split('?')[0]!);
    const installed = JSON.parse(await runIn('cat', `/app/${LISTED_PACKAGES}`)) as {
      packages: Record<string, { version: string; link?: boolean }>;
    };
    const npm = Object.entries(installed.packages)
      .filter(([path, { link }]) => path.includes('node_modules/') && !link)
      .map(([path, { version }]) => `pkg:npm/${path.split('node_modules/').at(-1)!.replace('@', '%40')}@${version}`);
    assert.deepEqual(listed.filter((purl) => purl.startsWith('pkg:npm/')).sort(), [...new Set(npm)].sort());
    const debian = (await runIn('dpkg-query', '--show', '--showformat', `\${Package}\n`)).split('\n');
    assert.deepEqual(listed.filter((purl) => purl.startsWith('pkg:deb/')).length, debian.length);
  });

  it('holds no tests, no development packages and no credentials of the build', async () => {
    const found = await runIn(
      'sh',
      '-c',
      'find /app -path "*/node_modules" -prune -o \\( -name "*.test.ts" -o -name "*-for-tests.ts" -o -name ".npmrc" -o -name ".git" \\) -print; ls -d /app/node_modules/typescript /app/node_modules/testcontainers /app/node_modules/@biomejs 2> /dev/null || true',
    );
    assert.equal(found, '');
  });

  it('says what it can run when it is told nothing that it knows', async () => {
    await assert.rejects(
      docker.run(['run', '--rm', image, 'sendmail']),
      /ended with 64: say what is to run: receiver, .+ causeway <words>/,
    );
    assert.match(await docker.run(['run', '--rm', '--read-only', '--tmpfs', '/tmp', image, 'causeway', '--help']), /config dry-run FILE/);
  });
});
