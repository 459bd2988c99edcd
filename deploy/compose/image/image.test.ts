// What the image's files say of the services is what the code says.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { serviceEnvironment } from '@causeway/shared/config/service-environment';
import { NODE_FLAGS } from '../../standalone/src/node-runtime.ts';
import { SERVICES } from '../../standalone/src/service-plans.ts';

const ROOT = resolve(import.meta.dirname, '..', '..', '..');
const launcher = await readFile(join(import.meta.dirname, 'launch.sh'), 'utf8');
const dockerfile = await readFile(join(ROOT, 'deploy', 'compose', 'Dockerfile'), 'utf8');

describe('the image', () => {
  it('starts every service there is, as the supervisor does', () => {
    const [, words] = /^ {2}(\w+(?: \| \w+)+)\) main=services/m.exec(launcher)!;
    assert.deepEqual(words!.split(' | ').sort(), [...SERVICES].sort());
    assert.ok(launcher.includes(`exec node ${NODE_FLAGS.join(' ')} `), 'with the same flags');
  });

  it('is built with the packages of every service', () => {
    for (const service of SERVICES) {
      assert.ok(dockerfile.includes(`COPY services/${service}/package.json services/${service}/`), service);
      assert.ok(dockerfile.includes(`--workspace=services/${service}`), service);
    }
  });

  it('sets only variables that the services, the sandbox archive or Node read', () => {
    const set = [...dockerfile.matchAll(/\b(CAUSEWAY_[A-Z0-9_]+)=/g)].map(([, name]) => name!);
    assert.deepEqual(
      set.filter((name) => !(name in serviceEnvironment.shape) && !name.startsWith('CAUSEWAY_SANDBOX_')),
      [],
    );
  });
});
